// Which implementation of the operations a machine and a user's wishes give.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/engine.h"
#include "ops/backend.h"

namespace abstractllm::engine {

/// Starts the workers of the CPU kernels where they are used.
ops::Backend choose_backend(const EngineOptions& options);

}  // namespace abstractllm::engine
