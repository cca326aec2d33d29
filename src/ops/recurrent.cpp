// Recurrent layers, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/recurrent.h"

#include <cmath>
#include <vector>

#include "mlx/ops.h"
#include "ops/residual.h"
#include "ops/stock_recurrence.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// x: (tokens, heads, head_dim), b, c: (tokens, heads, state), steps:
// (tokens, heads), all float32 -> (tokens, heads, head_dim).
mx::array scan(const StateSpaceBlock& block, const mx::array& x,
               const mx::array& b, const mx::array& c, const mx::array& steps,
               RecurrentState& state) {
  const StateSpaceSpec& spec = block.spec;
  if (!state.memory) {
    state.memory =
        mx::zeros({spec.heads, spec.head_dim, spec.state}, mx::float32);
  }
  const mx::array kept = mx::exp(steps * block.decay);
  const mx::array scaled = x * mx::expand_dims(steps, 2);
  std::vector<mx::array> outputs;
  for (int t = 0; t < x.shape(0); ++t) {
    const auto at = [t](const mx::array& values) {
      return mx::take(values, t, 0);
    };
    const mx::array added =
        mx::expand_dims(at(scaled), 2) * mx::expand_dims(at(b), 1);
    state.memory = *state.memory * mx::expand_dims(at(kept), {1, 2}) + added;
    outputs.push_back(mx::sum(*state.memory * mx::expand_dims(at(c), 1), -1));
  }
  return mx::stack(outputs, 0) + x * mx::expand_dims(block.skip, 1);
}

// One sequence's rows of input(...) -> (tokens, inner).
mx::array run_state_space(const StateSpaceBlock& block,
                          const mx::array& projected, RecurrentState& state) {
  const StateSpaceSpec& spec = block.spec;
  const int tokens = projected.shape(0);
  const int inner = spec.inner();
  const int shared = spec.groups * spec.state;
  const int channels = inner + 2 * shared;
  const mx::array gate =
      activate(slice_columns(projected, 0, inner) *
                   mx::array(spec.gate_scale, projected.dtype()),
               Activation::kSilu);
  const mx::array mixed =
      mx::astype(activate(convolve(slice_columns(projected, inner, channels),
                                   block.convolution, state),
                          Activation::kSilu),
                 mx::float32);
  const auto of_heads = [&](int first) {
    const mx::array grouped = mx::reshape(slice_columns(mixed, first, shared),
                                          {tokens, spec.groups, spec.state});
    return mx::repeat(grouped, spec.heads / spec.groups, 1);
  };
  const mx::array raw =
      mx::astype(slice_columns(projected, inner + channels, spec.heads),
                 mx::float32) *
          mx::array(spec.step_scale) +
      block.step_bias;
  const mx::array steps = mx::clip(softplus(raw), mx::array(spec.least_step),
                                   mx::array(spec.largest_step));
  const mx::array x = mx::reshape(slice_columns(mixed, 0, inner),
                                  {tokens, spec.heads, spec.head_dim});
  const mx::array y =
      mx::astype(mx::reshape(scan(block, x, of_heads(inner),
                                  of_heads(inner + shared), steps, state),
                             {tokens, inner}),
                 gate.dtype());
  if (!block.norm) return y * gate;
  return spec.gates_norm ? normalise(y, *block.norm) * gate
                         : normalise(y * gate, *block.norm);
}

}  // namespace

mx::array short_convolution_block_stock(const mx::array& input,
                                        const mx::array& residual,
                                        const ShortConvolutionBlock& block,
                                        int layer, const Step& step) {
  const mx::array projected =
      linear(enter_frame(input, block.frame), block.input);
  const int hidden = block.convolution.channels();
  const mx::array mixed = each_sequence(
      projected, layer, step,
      [&](const mx::array& rows, RecurrentState& state) {
        const mx::array b = slice_columns(rows, 0, hidden);
        const mx::array c = slice_columns(rows, hidden, hidden);
        const mx::array x = slice_columns(rows, 2 * hidden, hidden);
        return c * convolve(b * x, block.convolution, state);
      });
  return leave_frame(linear(mixed, block.output), residual, block.frame);
}

mx::array state_space_block_stock(const mx::array& input,
                                  const mx::array& residual,
                                  const StateSpaceBlock& block, int layer,
                                  const Step& step) {
  const mx::array projected =
      linear(enter_frame(input, block.frame), block.input);
  const mx::array mixed =
      each_sequence(projected, layer, step,
                    [&](const mx::array& rows, RecurrentState& state) {
                      return run_state_space(block, rows, state);
                    });
  return leave_frame(linear(mixed, block.output), residual, block.frame);
}

mx::array short_convolution_block(const mx::array& input,
                                  const mx::array& residual,
                                  const ShortConvolutionBlock& block, int layer,
                                  const Step& step) {
  return block.input.packed()
             ? short_convolution_block_cpu(input, residual, block, layer, step)
             : short_convolution_block_stock(input, residual, block, layer,
                                             step);
}

mx::array state_space_block(const mx::array& input, const mx::array& residual,
                            const StateSpaceBlock& block, int layer,
                            const Step& step) {
  return block.input.packed()
             ? state_space_block_cpu(input, residual, block, layer, step)
             : state_space_block_stock(input, residual, block, layer, step);
}

}  // namespace abstractllm::ops
