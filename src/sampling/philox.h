// Random numbers by counter: no state, the same on every machine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace abstractllm::sampling {

/// One block of Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random
/// numbers: as easy as 1, 2, 3", SC 2011.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// The number that `seed` has for `position`: uniform in [0, 1), 53 bits,
/// independent for different seeds and positions.
double uniform(std::uint64_t seed, std::uint64_t position);

}  // namespace abstractllm::sampling
