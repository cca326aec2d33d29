// Kernels of bf16 that tests go through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/half.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/panel_layout.h"

namespace abstractllm::ops::cpu::testing {

// What any machine can run: the contract of Bf16Kernel in plain loops.
inline void multiply_plainly(const Bf16Rows& rows,
                             const std::uint8_t* const* panels, int panel_count,
                             std::int64_t first_column, std::int64_t columns,
                             float* out) {
  for (std::int64_t row = 0; row < rows.count;) {
    const int height = block_height(rows.count - row);
    const std::uint16_t* block =
        rows.blocks + row * rows.row_values + first_column * height;
    for (int r = 0; r < height; ++r) {
      for (int p = 0; p < panel_count; ++p) {
        float* to = out + ((row + r) * panel_count + p) * kPanelRows;
        for (std::int64_t c = 0; c < columns; ++c) {
          const float x =
              bf16_to_float(block[c / kTileColumns * kTileColumns * height +
                                  r * kTileColumns + c % kTileColumns]);
          for (int i = 0; i < kPanelRows; ++i) {
            std::uint16_t w;
            std::memcpy(&w, panels[p] + c / 2 * kLineBytes + 4 * i + c % 2 * 2,
                        2);
            to[i] += x * bf16_to_float(w);
          }
        }
      }
    }
    row += height;
  }
}

// Plain loops, and what this machine has.
inline std::vector<Bf16Kernels> all_bf16_kernels() {
  std::vector<Bf16Kernels> all = {{"plain", &multiply_plainly}};
  CpuFeatures features = detect_cpu_features();
  if (const Bf16Kernels* best = bf16_kernels(features)) all.push_back(*best);
  features.amx_bf16 = false;
  if (const Bf16Kernels* next = bf16_kernels(features)) all.push_back(*next);
  return all;
}

}  // namespace abstractllm::ops::cpu::testing
