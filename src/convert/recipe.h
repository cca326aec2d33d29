// Which quantisation each module of a conversion gets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "abstractllm/convert.h"

namespace abstractllm::convert {

/// How a module's weights are written.
struct Quantisation {
  std::string mode = "affine";
  int bits = 4;
  int group_size = 64;
  bool operator==(const Quantisation&) const = default;
};

/// Two bit counts, of which takes_more_bits() chooses.
struct Recipe {
  int low;
  int high;
};

/// "keep" (nothing), "4", "8/32" or a mode. Throws InvalidParameterError.
std::optional<Quantisation> parse_rule(const std::string& text);

/// Nothing of an empty name. Throws InvalidParameterError for an unknown one.
std::optional<Recipe> parse_recipe(const std::string& name);

/// The quantisation that `options` ask for where no rule says otherwise;
/// nothing if none is asked for. Throws InvalidParameterError.
std::optional<Quantisation> common_quantisation(
    const ConversionOptions& options);

/// Whether `text` is what `glob`, with * and ?, describes.
bool matches_glob(std::string_view glob, std::string_view text);

/// Which of two bit counts of a mixed recipe `module` gets, as mlx-lm chooses:
/// whether it is the higher one.
bool takes_more_bits(std::string_view module, int layers);

}  // namespace abstractllm::convert
