// States of sequences and convolution over time, on the CPU.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_recurrence.h"

#include "ops/cpu_frame.h"

namespace abstractllm::ops {

std::vector<StateRows> take_states(const Step& step, int layer) {
  std::vector<StateRows> sequences;
  for (const SequenceRows& sequence : step.sequences) {
    KvLayer& kv = *(*sequence.kv)[layer];
    sequences.push_back({kv.recurrent(), sequence.first_row, sequence.rows});
    kv.reserve(sequence.rows);
  }
  return sequences;
}

Convolver::Convolver(const CausalConvolution& convolution,
                     RecurrentState& state)
    : convolution_(convolution),
      channels_(convolution.channels()),
      window_(state.cpu_window) {
  window_.resize(static_cast<std::size_t>(convolution.kernel - 1) * channels_);
}

void Convolver::next(const float* x, float* out) {
  const float* weight = convolution_.weight.data<float>();
  const float* bias = data_or_null(convolution_.bias);
  const int past = convolution_.kernel - 1;
  sums_.assign(channels_, 0.0f);
  if (bias) std::copy_n(bias, channels_, sums_.begin());
  for (int k = 0; k < past; ++k) {
    add(weight + k * channels_, &window_[std::size_t(k) * channels_]);
  }
  add(weight + past * channels_, x);
  if (past > 0) {
    std::copy(window_.begin() + channels_, window_.end(), window_.begin());
    std::copy_n(x, channels_, window_.end() - channels_);
  }
  std::copy(sums_.begin(), sums_.end(), out);
}

void Convolver::add(const float* weight, const float* x) {
  for (int i = 0; i < channels_; ++i) sums_[i] += weight[i] * x[i];
}

}  // namespace abstractllm::ops
