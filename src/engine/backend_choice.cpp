// The choice of a backend.
// SPDX-License-Identifier: Apache-2.0
#include "engine/backend_choice.h"

#include <memory>

#include "ops/cpu_state.h"

namespace abstractllm::engine {

ops::Backend choose_backend(const EngineOptions& options,
                            std::int64_t hidden_size) {
  if (options.cpu_backend == CpuBackend::kReference) {
    return {.kind = ops::BackendKind::kReference};
  }
  return {.kind = ops::BackendKind::kCpu,
          .cpu = std::make_shared<ops::CpuState>(
              options.threads,
              ops::choose_cpu_precision(options.cpu_precision, hidden_size),
              options.kv_cache_type)};
}

}  // namespace abstractllm::engine
