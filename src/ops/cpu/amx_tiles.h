// Shapes of AMX tiles, in the layout that the processor reads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace abstractllm::ops::cpu {

/// What `_tile_loadconfig` takes: rows and bytes of a row for each tile.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == 64);

}  // namespace abstractllm::ops::cpu
