// Quantised rows as panels, in a layout that holds their scales and biases.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/panel_layout.h"
#include "ops/cpu/row_source.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

/// Why a panel could not be stored in the layout that was tried.
enum class Misfit : int { kNone, kScaleFormat, kBias };

/// The layout that the first panel of `source` wants. With `may_round` scales
/// that no 16-bit type holds may be rounded to f16.
PanelLayout choose_layout(const RowSource& source, const WeightShape& shape,
                          bool may_round);

/// Packs all panels to `out`, layout.bytes() of them. What it returns, if it is
/// not kNone, is to be handed to widen_layout() before the next try. Throws
/// what the source throws.
Misfit pack_quantised(const RowSource& source, const PanelLayout& layout,
                      bool may_round, ThreadPool& pool, std::uint8_t* out);

/// Adapts the layout to what was found; true if packing must start again.
/// Throws ModelLoadingError where there is no wider layout.
bool widen_layout(Misfit misfit, PanelLayout& layout);

}  // namespace abstractllm::ops::cpu
