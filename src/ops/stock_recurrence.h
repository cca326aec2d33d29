// What the stock forms of recurrent layers share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mlx/array.h"
#include "ops/recurrent.h"

namespace abstractllm::ops {

/// Columns [first, first + count) of x: (tokens, columns).
mlx::core::array slice_columns(const mlx::core::array& x, int first, int count);

/// x: (tokens, channels) -> same shape; moves the window of `state` on.
mlx::core::array convolve(const mlx::core::array& x,
                          const CausalConvolution& convolution,
                          RecurrentState& state);

/// log(1 + exp(x)).
mlx::core::array softplus(const mlx::core::array& x);

/// Calls `run` with the rows of each sequence of `step` and its state in
/// `layer`, and joins the results.
mlx::core::array each_sequence(
    const mlx::core::array& x, int layer, const Step& step,
    const std::function<mlx::core::array(const mlx::core::array& rows,
                                         RecurrentState& state)>& run);

}  // namespace abstractllm::ops
