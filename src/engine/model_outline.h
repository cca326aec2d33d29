// The sizes of a model, from its config alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/backend_limits.h"
#include "io/json_config.h"

namespace abstractllm::engine {

/// Fields that a config lacks are 0. A plain value.
struct ModelOutline {
  int hidden_size = 0;
  int intermediate_size = 0;
  int vocabulary = 0;
  int context_length = 0;
  bool is_encoder = false;
  bool has_vision = false;
  AttentionShape attention{};  ///< of the layers that see everything
};

/// Reads config.json by the names that families give its fields, with what a
/// family takes for those that are absent (models::text_config). Throws nothing
/// for a field of another type: it counts as absent.
ModelOutline read_outline(const io::JsonConfig& config);

}  // namespace abstractllm::engine
