// The choice of a backend.
// SPDX-License-Identifier: Apache-2.0
#include "engine/backend_choice.h"

namespace abstractllm::engine {

ops::Backend choose_backend(const EngineOptions& /*options*/) {
  return {.kind = ops::BackendKind::kReference};
}

}  // namespace abstractllm::engine
