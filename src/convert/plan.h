// What a conversion writes: decided before any weight is read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/convert.h"
#include "io/weight_source.h"

namespace abstractllm::convert {

/// How a module's weights are written.
struct Quantisation {
  std::string mode = "affine";
  int bits = 4;
  int group_size = 64;
  bool operator==(const Quantisation&) const = default;
};

struct PlannedTensor {
  std::string name;
  std::string type;  ///< as safetensors spells it
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;
};

/// One part of the checkpoint and the tensors that it becomes.
struct PlannedModule {
  enum class Kind {
    kMatrix,  ///< rows of WeightSource::matrix(source)
    kVector,  ///< WeightSource::vector(source)
    kRaw,     ///< the bytes of a stored tensor, as they are
  };
  Kind kind = Kind::kRaw;
  std::string source;
  std::optional<Quantisation> quantisation;  ///< of a matrix
  std::string dtype;                         ///< "BF16" ...; of numbers
  std::vector<PlannedTensor> tensors;        ///< weight, scales, biases
};

struct ConversionPlan {
  std::vector<PlannedModule> modules;
  std::optional<Quantisation> common;  ///< of modules without a rule
  std::uint64_t bytes = 0;
};

/// Throws InvalidParameterError for options that make no sense, and what
/// reading the shapes throws.
ConversionPlan make_plan(const io::WeightSource& weights,
                         const ConversionOptions& options);

/// The quantisation that `options` ask for where no rule says otherwise;
/// nothing if none is asked for. Throws InvalidParameterError.
std::optional<Quantisation> common_quantisation(
    const ConversionOptions& options);

/// Whether `text` is what `glob`, with * and ?, describes.
bool matches_glob(std::string_view glob, std::string_view text);

/// Which of two bit counts of a mixed recipe `module` gets, as mlx-lm chooses:
/// whether it is the higher one.
bool takes_more_bits(std::string_view module, int layers);

/// mlx-lm's `quantization` of config.json for `plan`, as JSON text.
std::string quantization_json(const ConversionPlan& plan);

}  // namespace abstractllm::convert
