// Grids that codes of GGUF's IQ types point into.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace abstractllm::io {

/// 8 elements of two bits each, of 8, 25 and 43.
extern const std::uint16_t kIq2XxsGrid[256];
extern const std::uint16_t kIq2XsGrid[512];
extern const std::uint16_t kIq2SGrid[1024];
/// 4 elements of four bits each, of 4, 12, 20, 28, 36, 44, 52 and 62.
extern const std::uint16_t kIq3XxsGrid[256];
/// 4 elements of four bits each, of 1, 3, 5, 7, 9, 11, 13 and 15.
extern const std::uint16_t kIq3SGrid[512];
/// 8 elements of two bits each, of -1, 0 and 1.
extern const std::uint16_t kIq1SGrid[2048];

}  // namespace abstractllm::io
