// Mamba's layer, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/selective_scan.h"

#include <vector>

#include "mlx/ops.h"
#include "ops/residual.h"
#include "ops/stock_recurrence.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

mx::array divide_by_rms(const mx::array& x, std::optional<float> eps) {
  if (!eps) return x;
  return x * mx::rsqrt(mx::mean(mx::square(x), -1, /* keepdims = */ true) +
                       mx::array(*eps));
}

// x, steps: (tokens, inner), b, c: (tokens, state), all float32 -> (tokens,
// inner).
mx::array scan(const SelectiveScanBlock& block, const mx::array& x,
               const mx::array& steps, const mx::array& b, const mx::array& c,
               RecurrentState& state) {
  const int inner = block.inner();
  if (!state.memory) {
    state.memory = mx::zeros({inner, block.state}, mx::float32);
  }
  const mx::array decay = mx::reshape(block.decay, {inner, block.state});
  std::vector<mx::array> outputs;
  for (int t = 0; t < x.shape(0); ++t) {
    const auto column = [t](const mx::array& values) {
      return mx::expand_dims(mx::take(values, t, 0), 1);
    };
    const auto row = [t](const mx::array& values) {
      return mx::expand_dims(mx::take(values, t, 0), 0);
    };
    state.memory = *state.memory * mx::exp(column(steps) * decay) +
                   column(steps * x) * row(b);
    outputs.push_back(mx::sum(*state.memory * row(c), -1));
  }
  return mx::stack(outputs, 0) + x * block.skip;
}

// One sequence's rows of input(...) -> (tokens, inner).
mx::array run_scan(const SelectiveScanBlock& block, const mx::array& projected,
                   RecurrentState& state) {
  const int inner = block.inner();
  const int rank = block.rank();
  const mx::array x = activate(
      convolve(slice_columns(projected, 0, inner), block.convolution, state),
      Activation::kSilu);
  const mx::array gate = slice_columns(projected, inner, inner);
  const mx::array selected =
      mx::astype(linear(x, block.selection), mx::float32);
  const auto part = [&](int first, int count) {
    const mx::array y = divide_by_rms(slice_columns(selected, first, count),
                                      block.selection_eps);
    if (!block.selection_scales) return y;
    return y * mx::slice(*block.selection_scales, {first}, {first + count});
  };
  const mx::array steps = softplus(mx::astype(
      linear(mx::astype(part(0, rank), x.dtype()), block.step), mx::float32));
  const mx::array y =
      scan(block, mx::astype(x, mx::float32), steps, part(rank, block.state),
           part(rank + block.state, block.state), state);
  return mx::astype(y, gate.dtype()) * activate(gate, Activation::kSilu);
}

}  // namespace

mx::array selective_scan_block_stock(const mx::array& input,
                                     const mx::array& residual,
                                     const SelectiveScanBlock& block, int layer,
                                     const Step& step) {
  const mx::array projected =
      linear(enter_frame(input, block.frame), block.input);
  const mx::array mixed =
      each_sequence(projected, layer, step,
                    [&](const mx::array& rows, RecurrentState& state) {
                      return run_scan(block, rows, state);
                    });
  return leave_frame(linear(mixed, block.output), residual, block.frame);
}

mx::array selective_scan_block(const mx::array& input,
                               const mx::array& residual,
                               const SelectiveScanBlock& block, int layer,
                               const Step& step) {
  if (block.input.packed()) {
    return selective_scan_block_cpu(input, residual, block, layer, step);
  }
  return selective_scan_block_stock(input, residual, block, layer, step);
}

}  // namespace abstractllm::ops
