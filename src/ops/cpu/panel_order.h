// Going through the panels of a matrix that is being packed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cpu/panel_layout.h"
#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// Calls `pack(panel)` for panels [begin, end) and lets the source forget their
/// rows a few megabytes at a time, so that a matrix is not in memory twice.
template <typename Pack>
void for_each_panel(const RowSource& source, const PanelLayout& layout,
                    std::int64_t begin, std::int64_t end, Pack pack) {
  constexpr std::int64_t kBytes = std::int64_t{4} << 20;
  const std::int64_t some = std::max<std::int64_t>(
      1, kBytes / std::max<std::int64_t>(1, layout.panel_bytes));
  for (std::int64_t first = begin; first < end; first += some) {
    const std::int64_t stop = std::min(end, first + some);
    for (std::int64_t p = first; p < stop; ++p) pack(p);
    const std::int64_t row = first * kPanelRows;
    source.forget_rows(row,
                       std::min(layout.shape.rows, stop * kPanelRows) - row);
  }
}

}  // namespace abstractllm::ops::cpu
