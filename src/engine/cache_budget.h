// How much memory the caches of a loaded model may take.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/model.h"

namespace abstractllm::engine {

/// `wanted` bytes, or if that is 0 a share of what is available now: the rest
/// is for other programs and for what a step needs.
std::size_t cache_budget(std::uint64_t wanted);

/// The positions, at most `context_length`, that one sequence can hold within
/// `bytes`.
int positions_in(std::size_t bytes, const models::Model& model,
                 int context_length);

}  // namespace abstractllm::engine
