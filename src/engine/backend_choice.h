// Which implementation of the operations a machine and a user's wishes give.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine.h"
#include "ops/backend.h"
#include "ops/weight_memory.h"

namespace abstractllm::engine {

/// Starts the workers of the CPU kernels where they are used.
/// `hidden_size`: of the model, 0 if it is not known.
ops::Backend choose_backend(const EngineOptions& options,
                            std::int64_t hidden_size);

/// How choose_backend()'s keeps weights; starts nothing.
ops::WeightKeeping weight_keeping(const EngineOptions& options,
                                  std::int64_t hidden_size);

/// The width of a model's rows by its configuration; 0: it does not say. Models
/// of pictures and text keep it with the text; GPT-2's kin call it n_embd.
std::int64_t hidden_size(const io::JsonConfig& config);

/// What weights meet on the CPU with these options, and why, for people.
std::string describe_precision(const EngineOptions& options,
                               std::int64_t hidden_size);

}  // namespace abstractllm::engine
