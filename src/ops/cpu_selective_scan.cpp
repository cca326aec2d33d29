// Mamba's layer over the CPU kernels, as one graph node.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "ops/cpu_adapted.h"
#include "ops/cpu_frame.h"
#include "ops/cpu_recurrence.h"
#include "ops/host_kernel.h"
#include "ops/selective_scan.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

void divide_by_rms(float* x, int count, float eps) {
  double squares = 0;
  for (int i = 0; i < count; ++i) squares += double{x[i]} * x[i];
  const auto factor = static_cast<float>(1 / std::sqrt(squares / count + eps));
  for (int i = 0; i < count; ++i) x[i] *= factor;
}

class SelectiveScan {
 public:
  SelectiveScan(CpuState& cpu, const SelectiveScanBlock& block)
      : cpu_(cpu), block_(block), inner_(block.inner()) {}

  // projected: (rows, 2 * inner) of the input layer -> mixed: (rows, inner).
  void run(const std::vector<StateRows>& sequences, const float* projected,
           std::int64_t rows, float* mixed) {
    for (const StateRows& sequence : sequences) {
      Convolver convolver(block_.convolution, *sequence.state);
      for (std::int64_t t = 0; t < sequence.rows; ++t) {
        const std::int64_t row = sequence.first_row + t;
        float* x = mixed + row * inner_;
        convolver.next(projected + row * 2 * inner_, x);
        for (int i = 0; i < inner_; ++i) x[i] = silu(x[i]);
      }
    }
    select(mixed, rows);
    for (const StateRows& sequence : sequences) {
      auto& memory = sequence.state->cpu_memory;
      memory.resize(static_cast<std::size_t>(inner_) * block_.state);
      cpu_.pool.parallel_for(
          inner_, 64, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t t = 0; t < sequence.rows; ++t) {
              const std::int64_t row = sequence.first_row + t;
              advance(begin, end, row, projected + row * 2 * inner_ + inner_,
                      memory.data(), mixed + row * inner_);
            }
          });
    }
  }

 private:
  // The step of each channel, b and c of each row of x: (rows, inner).
  void select(const float* x, std::int64_t rows) {
    const int rank = block_.rank();
    const int width = rank + 2 * block_.state;
    selected_ = floats(cpu_.key, rows * width);
    cpu_.input.set(x, rows, inner_);
    run_linear(cpu_, cpu_.input, {target(block_.selection, selected_)});
    float* small = floats(cpu_.value, rows * rank);
    const float* scales = data_or_null(block_.selection_scales);
    for (std::int64_t row = 0; row < rows; ++row) {
      float* parts = selected_ + row * width;
      if (block_.selection_eps) {
        divide_by_rms(parts, rank, *block_.selection_eps);
        divide_by_rms(parts + rank, block_.state, *block_.selection_eps);
        divide_by_rms(parts + rank + block_.state, block_.state,
                      *block_.selection_eps);
      }
      if (scales) {
        for (int i = 0; i < width; ++i) parts[i] *= scales[i];
      }
      std::copy_n(parts, rank, small + row * rank);
    }
    steps_ = floats(cpu_.branch, rows * inner_);
    cpu_.input.set(small, rows, rank);
    run_linear(cpu_, cpu_.input, {target(block_.step, steps_)});
  }

  // Channels [begin, end) of one token; x becomes the output.
  void advance(std::int64_t begin, std::int64_t end, std::int64_t row,
               const float* gate, float* memory, float* x) const {
    const int size = block_.state;
    const float* b =
        selected_ + row * (block_.rank() + 2 * size) + block_.rank();
    const float* c = b + size;
    const float* decay = block_.decay.data<float>();
    const float* skip = block_.skip.data<float>();
    for (std::int64_t i = begin; i < end; ++i) {
      const float step = softplus(steps_[row * inner_ + i]);
      const float added = step * x[i];
      float* m = memory + i * size;
      float sum = 0;
      for (int n = 0; n < size; ++n) {
        m[n] = m[n] * std::exp(step * decay[i * size + n]) + added * b[n];
        sum += m[n] * c[n];
      }
      x[i] = (sum + skip[i] * x[i]) * silu(gate[i]);
    }
  }

  CpuState& cpu_;
  const SelectiveScanBlock& block_;
  int inner_;
  float* selected_ = nullptr;  // (rows, rank + 2 * state)
  float* steps_ = nullptr;     // (rows, inner), before the softplus
};

void run_block(CpuState& cpu, const SelectiveScanBlock& block,
               const std::vector<StateRows>& sequences, std::int64_t rows,
               const float* input, const float* residual, float* output) {
  CpuFrame frame(cpu, block.frame, rows, block.output.outputs());
  frame.enter(input);
  float* projected = floats(cpu.query, rows * 2 * block.inner());
  run_linear(cpu, cpu.input, {target(block.input, projected)});
  float* mixed = floats(cpu.inner, rows * block.inner());
  SelectiveScan(cpu, block).run(sequences, projected, rows, mixed);
  frame.leave(block.output, mixed, residual, output);
}

}  // namespace

mx::array selective_scan_block_cpu(const mx::array& input,
                                   const mx::array& residual,
                                   const SelectiveScanBlock& block, int layer,
                                   const Step& step) {
  return host_kernel(block.input.backend().cpu, "SelectiveScanBlock",
                     residual.shape(), {input, residual},
                     [cpu = block.input.backend().cpu, block = &block,
                      sequences = take_states(step, layer),
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_block(*cpu, *block, sequences, rows, inputs[0],
                                 inputs[1], output);
                     });
}

}  // namespace abstractllm::ops
