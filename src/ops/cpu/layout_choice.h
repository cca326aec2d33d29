// The layout that a stored matrix is packed in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/cpu/panel_layout.h"
#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// Where PackedMatrix::pack begins with `source`, and nearly always ends: of
/// quantised rows the first panel is read, of dense ones nothing. With
/// `may_round` scales that no 16-bit type holds may be rounded to f16. Throws
/// ModelLoadingError for a shape that the kernels do not know, and what the
/// source throws.
PanelLayout expected_layout(const RowSource& source, bool may_round);

}  // namespace abstractllm::ops::cpu
