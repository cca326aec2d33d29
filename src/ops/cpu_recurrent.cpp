// Recurrent layers over the CPU kernels, as one graph node each.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/cpu_adapted.h"
#include "ops/cpu_frame.h"
#include "ops/cpu_recurrence.h"
#include "ops/host_kernel.h"
#include "ops/recurrent.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

void run_short_convolution(CpuState& cpu, const ShortConvolutionBlock& block,
                           const std::vector<StateRows>& sequences,
                           std::int64_t rows, const float* input,
                           const float* residual, float* output) {
  const std::int64_t hidden = block.convolution.channels();
  CpuFrame frame(cpu, block.frame, rows, block.output.outputs());
  frame.enter(input);
  float* projected = floats(cpu.query, rows * 3 * hidden);
  run_linear(cpu, cpu.input, {target(block.input, projected)});
  float* mixed = floats(cpu.inner, rows * hidden);
  for (const StateRows& sequence : sequences) {
    Convolver convolver(block.convolution, *sequence.state);
    for (std::int64_t t = 0; t < sequence.rows; ++t) {
      const std::int64_t row = sequence.first_row + t;
      const float* b = projected + row * 3 * hidden;
      const float* c = b + hidden;
      const float* x = c + hidden;
      float* y = mixed + row * hidden;
      for (std::int64_t i = 0; i < hidden; ++i) y[i] = b[i] * x[i];
      convolver.next(y, y);
      for (std::int64_t i = 0; i < hidden; ++i) y[i] *= c[i];
    }
  }
  frame.leave(block.output, mixed, residual, output);
}

// One sequence through the recurrence of a state space layer.
class StateSpace {
 public:
  StateSpace(CpuState& cpu, const StateSpaceBlock& block, RecurrentState& state)
      : cpu_(cpu),
        block_(block),
        spec_(block.spec),
        convolver_(block.convolution, state),
        memory_(state.cpu_memory) {
    memory_.resize(static_cast<std::size_t>(spec_.inner()) * spec_.state);
  }

  // projected: (tokens, width) of the input layer, whose x, b and c are
  // overwritten; out: (tokens, inner).
  void run(float* projected, std::int64_t tokens, std::int64_t width,
           float* out) {
    const int inner = spec_.inner();
    const int channels = block_.convolution.channels();
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* mixed = projected + t * width + inner;
      convolver_.next(mixed, mixed);
      for (int i = 0; i < channels; ++i) mixed[i] = silu(mixed[i]);
    }
    cpu_.pool.parallel_for(
        spec_.heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
          for (std::int64_t head = begin; head < end; ++head) {
            for (std::int64_t t = 0; t < tokens; ++t) {
              advance(static_cast<int>(head), projected + t * width,
                      out + t * inner);
            }
          }
        });
  }

 private:
  // One token of one head.
  void advance(int head, const float* row, float* out) {
    const int inner = spec_.inner();
    const int size = spec_.state;
    const int shared = spec_.groups * size;
    const int group = head / (spec_.heads / spec_.groups);
    const float* x = row + inner + head * spec_.head_dim;
    const float* b = row + 2 * inner + group * size;
    const float* c = b + shared;
    const float raw = row[2 * inner + 2 * shared + head] * spec_.step_scale +
                      block_.step_bias.data<float>()[head];
    const float step =
        std::clamp(softplus(raw), spec_.least_step, spec_.largest_step);
    const float kept = std::exp(step * block_.decay.data<float>()[head]);
    const float skip = block_.skip.data<float>()[head];
    float* memory =
        &memory_[static_cast<std::size_t>(head) * spec_.head_dim * size];
    for (int p = 0; p < spec_.head_dim; ++p, memory += size) {
      const float added = step * x[p];
      float sum = 0;
      for (int n = 0; n < size; ++n) {
        memory[n] = memory[n] * kept + added * b[n];
        sum += memory[n] * c[n];
      }
      const int channel = head * spec_.head_dim + p;
      out[channel] = sum + skip * x[p];
    }
  }

  CpuState& cpu_;
  const StateSpaceBlock& block_;
  const StateSpaceSpec& spec_;
  Convolver convolver_;
  std::vector<float>& memory_;
};

// y: (rows, inner), gated by the first columns of projected: (rows, width).
void apply_gate(const StateSpaceSpec& spec, const float* projected,
                std::int64_t rows, std::int64_t width, float* y) {
  const int inner = spec.inner();
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* gate = projected + row * width;
    float* out = y + row * inner;
    for (int i = 0; i < inner; ++i) out[i] *= silu(gate[i] * spec.gate_scale);
  }
}

void run_state_space(CpuState& cpu, const StateSpaceBlock& block,
                     const std::vector<StateRows>& sequences, std::int64_t rows,
                     const float* input, const float* residual, float* output) {
  const std::int64_t width = block.input.outputs();
  const std::int64_t inner = block.spec.inner();
  CpuFrame frame(cpu, block.frame, rows, block.output.outputs());
  frame.enter(input);
  float* projected = floats(cpu.query, rows * width);
  run_linear(cpu, cpu.input, {target(block.input, projected)});
  float* mixed = floats(cpu.inner, rows * inner);
  for (const StateRows& sequence : sequences) {
    StateSpace(cpu, block, *sequence.state)
        .run(projected + sequence.first_row * width, sequence.rows, width,
             mixed + sequence.first_row * inner);
  }
  const bool gates_norm = block.spec.gates_norm;
  if (!gates_norm) apply_gate(block.spec, projected, rows, width, mixed);
  if (block.norm) {
    apply_norm(cpu.pool, *block.norm, mixed, rows, inner, mixed);
  }
  if (gates_norm) apply_gate(block.spec, projected, rows, width, mixed);
  frame.leave(block.output, mixed, residual, output);
}

}  // namespace

mx::array short_convolution_block_cpu(const mx::array& input,
                                      const mx::array& residual,
                                      const ShortConvolutionBlock& block,
                                      int layer, const Step& step) {
  return host_kernel(block.input.backend().cpu, "ShortConvolutionBlock",
                     residual.shape(), {input, residual},
                     [cpu = block.input.backend().cpu, block = &block,
                      sequences = take_states(step, layer),
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_short_convolution(*cpu, *block, sequences, rows,
                                             inputs[0], inputs[1], output);
                     });
}

mx::array state_space_block_cpu(const mx::array& input,
                                const mx::array& residual,
                                const StateSpaceBlock& block, int layer,
                                const Step& step) {
  return host_kernel(block.input.backend().cpu, "StateSpaceBlock",
                     residual.shape(), {input, residual},
                     [cpu = block.input.backend().cpu, block = &block,
                      sequences = take_states(step, layer),
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_state_space(*cpu, *block, sequences, rows, inputs[0],
                                       inputs[1], output);
                     });
}

}  // namespace abstractllm::ops
