// The memory that a model needs at a length of context.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "engine/model_outline.h"
#include "ops/cpu/kv_slab.h"

namespace abstractllm::engine {

/// "f32", "f16", "bf16", "int8".
std::string_view to_string(ops::cpu::KvType type) noexcept;

/// Bytes of everything. A plain value.
struct MemoryNeed {
  int context = 0;
  /// By each type that keys and values can have.
  std::vector<std::pair<std::string_view, double>> caches;
  double activations = 0;
  double needed = 0;  ///< with weights and the cache of the type in use
};

/// Bytes of the caches of one sequence in float32. A plain value.
struct CacheSize {
  double keys_and_values = 0;
  double states = 0;  ///< of recurrent layers, which stay in float32
};

/// One for each of `contexts`, whose caches are `whole`; weights take
/// `weight_bytes` as ops::WeightTally counts them. Of an encoder, which
/// keeps none, `whole` is empty. REQUIRES: else as many of one as of the other.
std::vector<MemoryNeed> forecast_memory(const ModelOutline& outline,
                                        const std::vector<int>& contexts,
                                        const std::vector<CacheSize>& whole,
                                        double weight_bytes,
                                        std::string_view used_cache);

}  // namespace abstractllm::engine
