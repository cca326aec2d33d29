// What a conversion writes: decided before any weight is read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "abstractllm/convert.h"
#include "convert/recipe.h"
#include "io/weight_source.h"

namespace abstractllm::convert {

struct PlannedTensor {
  std::string name;
  std::string type;  ///< as safetensors spells it
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;
};

/// One part of the checkpoint and the tensors that it becomes.
struct PlannedModule {
  enum class Kind {
    kMatrix,  ///< the rows of `matrices`, one after the other
    kVector,  ///< `values`, or WeightSource::vector(source)
    kRaw,     ///< the bytes of a stored tensor, as they are
  };
  Kind kind = Kind::kRaw;
  /// A tensor of the checkpoint; of a matrix, the module of the output.
  std::string source;
  /// Made when it is written: some hold a widened copy.
  std::function<std::vector<io::WeightMatrix>()> matrices{};
  std::vector<float> values{};
  std::optional<Quantisation> quantisation{};  ///< of a matrix
  std::string dtype{};                         ///< "BF16" ...; of numbers
  std::vector<PlannedTensor> tensors{};        ///< weight, scales, biases
};

struct ConversionPlan {
  std::vector<PlannedModule> modules;
  std::optional<Quantisation> common;  ///< of modules without a rule
  std::uint64_t bytes = 0;
  /// What was asked for and does not happen, a sentence each.
  std::vector<std::string> notes{};
};

/// Throws InvalidParameterError for options that make no sense and for a rule
/// whose glob names no module, and what
/// reading the shapes throws.
ConversionPlan make_plan(const io::WeightSource& weights,
                         const ConversionOptions& options);

/// mlx-lm's `quantization` of config.json for `plan`, as JSON text.
std::string quantization_json(const ConversionPlan& plan);

}  // namespace abstractllm::convert
