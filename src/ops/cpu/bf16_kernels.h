// Products of bf16 weights with activations rounded to bf16.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/cpu_features.h"

namespace abstractllm::ops::cpu {

/// Rows of activations as bf16, in blocks of 8, then 4, 2 and 1 for the rest.
/// A block is `[tile of 32 columns][row][32]`, zeros behind the last column.
struct Bf16Rows {
  const std::uint16_t* blocks = nullptr;  ///< the block of the first row
  std::int64_t row_values = 0;            ///< of a row, with the zeros
  std::int64_t count = 0;
};

/// Adds the rows times one or two dense panels (panel_layout.h) to
/// `out[row][16 * panel_count]`. Takes `columns` columns from `first_column`
/// on, a multiple of 32; panels point to that column. Products are added one
/// pair of columns after the other or, with tiles, 32 columns at a time, in the
/// same order for every number of rows and panels, and wherever columns are
/// cut at a multiple of 32.
using Bf16Kernel = void (*)(const Bf16Rows& rows,
                            const std::uint8_t* const* panels, int panel_count,
                            std::int64_t first_column, std::int64_t columns,
                            float* out);

struct Bf16Kernels {
  const char* name;
  Bf16Kernel multiply;
};

/// The fastest kernels that `features` allows; null if there is no dot product
/// of bf16.
const Bf16Kernels* bf16_kernels(const CpuFeatures& features);

// One per translation unit that is compiled for this architecture.
#if defined(__x86_64__)
const Bf16Kernels& bf16_kernels_avx512();
const Bf16Kernels& bf16_kernels_amx();
#endif

}  // namespace abstractllm::ops::cpu
