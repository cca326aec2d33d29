// The sizes of a model, from its config alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/backend_limits.h"
#include "io/json_config.h"
#include "io/weight_source.h"

namespace abstractllm::engine {

/// Fields that a config lacks are 0. A plain value.
struct ModelOutline {
  int hidden_size = 0;
  int layers = 0;
  int intermediate_size = 0;
  int vocabulary = 0;
  int experts = 0;  ///< 0: none
  int context_length = 0;
  bool ties_embeddings = false;
  bool has_vision = false;
  AttentionShape attention{};  ///< of the layers that see everything
  /// Parameters as the sizes give them: near, not exact.
  std::uint64_t estimated_parameters = 0;
  /// Elements that one position keeps in all layers that keep everything.
  std::uint64_t kv_elements = 0;
};

/// Reads config.json by the names that families give its fields; of a model
/// with several parts its text_config. Throws nothing for a field of another
/// type: it counts as absent.
ModelOutline read_outline(const io::JsonConfig& config);

/// How the weights are stored, tensor by tensor. A plain value.
struct WeightSummary {
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  /// Parameters by their form: "4 bits, groups of 64", "BF16".
  std::map<std::string, std::uint64_t> forms{};
  std::map<MatmulShape, int> products{};  ///< with the number of each
};

/// Looks at shapes and types alone.
WeightSummary summarise_weights(const io::WeightSource& weights);

}  // namespace abstractllm::engine
