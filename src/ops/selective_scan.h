// Mamba's state space layer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "ops/blocks.h"
#include "ops/recurrent.h"

namespace abstractllm::ops {

/// Mamba 1's mixer, arXiv:2312.00752. input(...) is x (inner), which is
/// convolved, and a gate (inner); selection(x) is a small step, b and c, and
/// step(...) of the first is the step of each channel. Immutable after load.
struct SelectiveScanBlock {
  ResidualFrame frame;
  int state = 0;
  Linear input;
  CausalConvolution convolution;
  Linear selection;        ///< (rank + 2 * state, inner)
  Linear step;             ///< (inner, rank), with a bias
  mlx::core::array decay;  ///< (inner * state) float32, negative
  mlx::core::array skip;   ///< (inner) float32
  Linear output;           ///< (hidden, inner)
  /// Set: the small step, b and c are divided by their root mean squares.
  std::optional<float> selection_eps = std::nullopt;
  /// (rank + 2 * state) float32: multiplies what comes of that; absent: 1.
  std::optional<mlx::core::array> selection_scales = std::nullopt;

  int inner() const { return convolution.channels(); }
  int rank() const { return step.inputs(); }
};

/// input, residual: (tokens, hidden) -> (tokens, hidden). The caches of
/// `layer` hold a RecurrentState, which moves on.
mlx::core::array selective_scan_block(const mlx::core::array& input,
                                      const mlx::core::array& residual,
                                      const SelectiveScanBlock& block,
                                      int layer, const Step& step);

/// The same over stock MLX operations, on any backend.
mlx::core::array selective_scan_block_stock(const mlx::core::array& input,
                                            const mlx::core::array& residual,
                                            const SelectiveScanBlock& block,
                                            int layer, const Step& step);

/// The same as one CPU kernel. `block` must outlive the evaluation.
/// REQUIRES: packed weights.
mlx::core::array selective_scan_block_cpu(const mlx::core::array& input,
                                          const mlx::core::array& residual,
                                          const SelectiveScanBlock& block,
                                          int layer, const Step& step);

}  // namespace abstractllm::ops
