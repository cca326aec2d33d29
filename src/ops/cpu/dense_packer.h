// Packs rows of dense weights into panels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/cpu/panel_layout.h"
#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// Takes rows that are stored in the type of the panel as they are and rounds
/// others. Borrows the source. One thread at a time.
class DensePacker {
 public:
  /// `shape`: the source's, of a dense encoding.
  DensePacker(const RowSource& source, const WeightShape& shape);

  /// Writes all columns of a panel (panel_layout.h). Throws what the source
  /// throws.
  void pack(std::int64_t panel, std::byte* out);

 private:
  using Rows = std::array<const std::byte*, kPanelRows>;

  const std::byte* find_row(std::int64_t row, int place);
  void complete_pair(const Rows& rows, std::byte* out) const;

  const RowSource& source_;
  const WeightShape shape_;
  std::int64_t row_bytes_;
  std::vector<float> values_;         // of one row
  std::vector<std::byte> converted_;  // [kPanelRows][row_bytes_]
  std::vector<std::byte> zeros_;      // a row behind the last one
};

}  // namespace abstractllm::ops::cpu
