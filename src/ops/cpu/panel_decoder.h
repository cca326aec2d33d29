// Single rows of packed weights, as embedding tables need them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/panel_layout.h"

namespace abstractllm::ops::cpu {

/// Decodes row `row` (0 to 15) of a panel into `out` [layout.shape.columns].
void decode_panel_row(const PanelLayout& layout, const std::uint8_t* panel,
                      int row, float* out);

}  // namespace abstractllm::ops::cpu
