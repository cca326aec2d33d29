// Sums of weights, caches and what one chunk of a prompt needs.
// SPDX-License-Identifier: Apache-2.0
#include "engine/memory_forecast.h"

#include <algorithm>

#include "engine/engine.h"

namespace abstractllm::engine {

using ops::cpu::KvType;

std::string_view to_string(KvType type) noexcept {
  switch (type) {
    case KvType::kF32:
      return "f32";
    case KvType::kF16:
      return "f16";
    case KvType::kBF16:
      return "bf16";
    case KvType::kInt8:
      return "int8";
  }
  return {};
}

std::vector<MemoryNeed> forecast_memory(const ModelOutline& outline,
                                        const std::vector<int>& contexts,
                                        const std::vector<CacheSize>& whole,
                                        double weight_bytes,
                                        std::string_view used_cache) {
  std::vector<MemoryNeed> needs;
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    MemoryNeed need{.context = contexts[i], .caches = {}};
    const int chunk = std::min(kDefaultPrefillChunk, contexts[i]);
    need.activations =
        4.0 *
        (chunk * (8.0 * outline.hidden_size + 3.0 * outline.intermediate_size) +
         outline.vocabulary);
    need.needed = weight_bytes + need.activations;
    if (whole.empty()) {
      needs.push_back(std::move(need));
      continue;
    }
    for (const KvType type :
         {KvType::kF32, KvType::kF16, KvType::kBF16, KvType::kInt8}) {
      double a_value = ops::cpu::kv_bytes(type);
      // Scales of 16 bits.
      const int head = std::max(1, outline.attention.head_dim);
      if (type == KvType::kInt8) {
        a_value += 2.0 * ops::cpu::scale_groups(head) / head;
      }
      const double bytes =
          whole[i].keys_and_values / 4 * a_value + whole[i].states;
      need.caches.emplace_back(to_string(type), bytes);
      if (to_string(type) == used_cache) need.needed += bytes;
    }
    needs.push_back(std::move(need));
  }
  return needs;
}

}  // namespace abstractllm::engine
