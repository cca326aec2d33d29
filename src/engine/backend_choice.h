// Which implementation of the operations a machine and a user's wishes give.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "engine/engine.h"
#include "ops/backend.h"

namespace abstractllm::engine {

/// Starts the workers of the CPU kernels where they are used.
/// `hidden_size`: of the model, 0 if it is not known.
ops::Backend choose_backend(const EngineOptions& options,
                            std::int64_t hidden_size);

}  // namespace abstractllm::engine
