// Layers that keep a state of fixed size instead of keys and values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "ops/blocks.h"

namespace abstractllm::ops {

/// Each channel's weighted sum of its present and last kernel - 1 values.
/// Immutable.
struct CausalConvolution {
  int kernel = 0;
  mlx::core::array weight;  ///< (kernel, channels) float32, oldest first
  std::optional<mlx::core::array> bias = std::nullopt;  ///< (channels) float32

  int channels() const { return weight.shape(1); }
};

/// LFM2's mixer: output(c * convolution(b * x)), where b, c and x are the
/// thirds of input(...). Immutable after load.
struct ShortConvolutionBlock {
  ResidualFrame frame;
  Linear input;  ///< (3 * hidden, hidden)
  CausalConvolution convolution;
  Linear output;  ///< (hidden, hidden)
};

/// Sizes of a state space layer. Immutable.
struct StateSpaceSpec {
  int heads = 0;
  int head_dim = 0;
  int groups = 0;  ///< divides heads; heads of a group share b and c
  int state = 0;
  /// Limits of the step after its softplus.
  float least_step = 0;
  float largest_step = 0;
  /// Multiply the gate and the step as the input layer gives them.
  float gate_scale = 1.0f;
  float step_scale = 1.0f;
  /// y is normalised first and gated then.
  bool gates_norm = false;

  int inner() const { return heads * head_dim; }
};

/// Mamba 2's mixer, arXiv:2405.21060. input(...) is a gate (inner), then x
/// (inner), b and c (groups * state each), which are convolved, then a step of
/// each head. Immutable after load.
struct StateSpaceBlock {
  ResidualFrame frame;
  StateSpaceSpec spec;
  Linear input;
  CausalConvolution convolution;
  mlx::core::array step_bias;  ///< (heads) float32
  mlx::core::array decay;      ///< (heads) float32, negative
  mlx::core::array skip;       ///< (heads) float32
  std::optional<Norm> norm;    ///< (inner), of y * silu(gate)
  Linear output;               ///< (hidden, inner)
};

/// input, residual: (tokens, hidden) -> (tokens, hidden). The caches of
/// `layer` hold a RecurrentState, which moves on.
mlx::core::array short_convolution_block(const mlx::core::array& input,
                                         const mlx::core::array& residual,
                                         const ShortConvolutionBlock& block,
                                         int layer, const Step& step);
mlx::core::array state_space_block(const mlx::core::array& input,
                                   const mlx::core::array& residual,
                                   const StateSpaceBlock& block, int layer,
                                   const Step& step);

/// The same over stock MLX operations, on any backend.
mlx::core::array short_convolution_block_stock(
    const mlx::core::array& input, const mlx::core::array& residual,
    const ShortConvolutionBlock& block, int layer, const Step& step);
mlx::core::array state_space_block_stock(const mlx::core::array& input,
                                         const mlx::core::array& residual,
                                         const StateSpaceBlock& block,
                                         int layer, const Step& step);

/// The same as one CPU kernel each. `block` must outlive the evaluation.
/// REQUIRES: packed weights.
mlx::core::array short_convolution_block_cpu(const mlx::core::array& input,
                                             const mlx::core::array& residual,
                                             const ShortConvolutionBlock& block,
                                             int layer, const Step& step);
mlx::core::array state_space_block_cpu(const mlx::core::array& input,
                                       const mlx::core::array& residual,
                                       const StateSpaceBlock& block, int layer,
                                       const Step& step);

}  // namespace abstractllm::ops
