// Convolution over time and states of sequences, over stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/stock_recurrence.h"

#include <vector>

#include "mlx/ops.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

mx::array slice_rows(const mx::array& x, int first, int stop) {
  return mx::slice(x, {first, 0}, {stop, x.shape(1)});
}

}  // namespace

mx::array slice_columns(const mx::array& x, int first, int count) {
  return mx::slice(x, {0, first}, {x.shape(0), first + count});
}

mx::array convolve(const mx::array& x, const CausalConvolution& convolution,
                   RecurrentState& state) {
  const int tokens = x.shape(0);
  const int past = convolution.kernel - 1;
  if (!state.window) {
    state.window = mx::zeros({past, x.shape(1)}, x.dtype());
  }
  const mx::array joined = mx::concatenate({*state.window, x}, 0);
  state.window = mx::contiguous(slice_rows(joined, tokens, tokens + past));
  const mx::array weight = mx::astype(convolution.weight, x.dtype());
  mx::array y = slice_rows(joined, 0, tokens) * mx::take(weight, 0, 0);
  for (int k = 1; k < convolution.kernel; ++k) {
    y = y + slice_rows(joined, k, k + tokens) * mx::take(weight, k, 0);
  }
  if (convolution.bias) y = y + mx::astype(*convolution.bias, x.dtype());
  return y;
}

mx::array softplus(const mx::array& x) {
  return mx::logaddexp(x, mx::array(0.0f));
}

mx::array each_sequence(
    const mx::array& x, int layer, const Step& step,
    const std::function<mx::array(const mx::array&, RecurrentState&)>& run) {
  std::vector<mx::array> outputs;
  for (const SequenceRows& sequence : step.sequences) {
    KvLayer& kv = *(*sequence.kv)[layer];
    outputs.push_back(run(
        slice_rows(x, sequence.first_row, sequence.first_row + sequence.rows),
        *kv.recurrent()));
    kv.reserve(sequence.rows);
  }
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0);
}

}  // namespace abstractllm::ops
