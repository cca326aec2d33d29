// The choice of a backend.
// SPDX-License-Identifier: Apache-2.0
#include "engine/backend_choice.h"

#include <memory>

#include "ops/cpu_state.h"

namespace abstractllm::engine {

ops::Backend choose_backend(const EngineOptions& options) {
  if (options.cpu_backend == CpuBackend::kReference) {
    return {.kind = ops::BackendKind::kReference};
  }
  return {.kind = ops::BackendKind::kCpu,
          .cpu = std::make_shared<ops::CpuState>(options.threads,
                                                 options.cpu_precision)};
}

}  // namespace abstractllm::engine
