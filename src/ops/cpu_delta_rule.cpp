// The gated delta rule over the CPU kernels, as one graph node.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "ops/cpu_adapted.h"
#include "ops/cpu_frame.h"
#include "ops/cpu_recurrence.h"
#include "ops/delta_rule.h"
#include "ops/host_kernel.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

constexpr float kLengthEps = 1e-6f;

// x = x * scale / length.
void set_length(int size, float scale, float* x) {
  float squares = 0;
  for (int i = 0; i < size; ++i) squares += x[i] * x[i];
  const float factor = scale / std::sqrt(squares + kLengthEps);
  for (int i = 0; i < size; ++i) x[i] *= factor;
}

// One sequence through the recurrence of a layer.
class DeltaRule {
 public:
  DeltaRule(CpuState& cpu, const DeltaRuleBlock& block, RecurrentState& state)
      : cpu_(cpu),
        block_(block),
        spec_(block.spec),
        convolver_(block.convolution, state),
        memory_(state.cpu_memory) {
    memory_.resize(static_cast<std::size_t>(spec_.values()) * spec_.key_dim);
  }

  // projected: (tokens, channels + values), whose query, key and value are
  // overwritten; rates: (tokens, 2 * value_heads); out: (tokens, values),
  // neither normalised nor gated.
  void run(float* projected, const float* rates, std::int64_t tokens,
           float* out) {
    const std::int64_t width = block_.input.outputs();
    for (std::int64_t t = 0; t < tokens; ++t) convolve(projected + t * width);
    cpu_.pool.parallel_for(
        spec_.value_heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
          for (std::int64_t head = begin; head < end; ++head) {
            for (std::int64_t t = 0; t < tokens; ++t) {
              advance(static_cast<int>(head), projected + t * width,
                      rates + t * 2 * spec_.value_heads,
                      out + t * spec_.values());
            }
          }
        });
  }

 private:
  void convolve(float* row) {
    convolver_.next(row, row);
    for (int i = 0; i < spec_.channels(); ++i) row[i] = silu(row[i]);
    const float scale = 1.0f / std::sqrt(static_cast<float>(spec_.key_dim));
    for (int head = 0; head < spec_.key_heads; ++head) {
      float* query = row + head * spec_.key_dim;
      set_length(spec_.key_dim, scale, query);
      set_length(spec_.key_dim, 1.0f, query + spec_.keys());
    }
  }

  // One token of one head.
  void advance(int head, const float* row, const float* rates, float* out) {
    const int size = spec_.key_dim;
    const int shared = head / (spec_.value_heads / spec_.key_heads);
    const float* query = row + shared * size;
    const float* key = query + spec_.keys();
    const float* value = row + 2 * spec_.keys() + head * spec_.value_dim;
    const float share = spec_.share_scale * sigmoid(rates[head]);
    const float step = softplus(rates[spec_.value_heads + head] +
                                block_.step_bias.data<float>()[head]);
    const float kept = std::exp(step * block_.decay.data<float>()[head]);
    float* y = out + head * spec_.value_dim;
    float* memory = &memory_[std::size_t(head) * spec_.value_dim * size];
    for (int p = 0; p < spec_.value_dim; ++p, memory += size) {
      float known = 0;
      for (int i = 0; i < size; ++i) known += memory[i] * key[i];
      const float missing = (value[p] - known * kept) * share;
      float sum = 0;
      for (int i = 0; i < size; ++i) {
        memory[i] = memory[i] * kept + missing * key[i];
        sum += memory[i] * query[i];
      }
      y[p] = sum;
    }
  }

  CpuState& cpu_;
  const DeltaRuleBlock& block_;
  const DeltaRuleSpec& spec_;
  Convolver convolver_;
  std::vector<float>& memory_;
};

void run_delta_rule(CpuState& cpu, const DeltaRuleBlock& block,
                    const std::vector<StateRows>& sequences, std::int64_t rows,
                    const float* input, const float* residual, float* output) {
  const DeltaRuleSpec& spec = block.spec;
  const std::int64_t width = block.input.outputs();
  const std::int64_t rate_width = block.rates.outputs();
  const std::int64_t values = spec.values();
  CpuFrame frame(cpu, block.frame, rows, block.output.outputs());
  frame.enter(input);
  float* projected = floats(cpu.query, rows * width);
  float* rates = floats(cpu.key, rows * rate_width);
  run_linear(cpu, cpu.input,
             {target(block.input, projected), target(block.rates, rates)});
  float* mixed = floats(cpu.inner, rows * values);
  for (const StateRows& sequence : sequences) {
    DeltaRule(cpu, block, *sequence.state)
        .run(projected + sequence.first_row * width,
             rates + sequence.first_row * rate_width, sequence.rows,
             mixed + sequence.first_row * values);
  }
  apply_norm(cpu.pool, block.norm, mixed, rows * spec.value_heads,
             spec.value_dim, mixed);
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* gate = projected + row * width + spec.channels();
    float* y = mixed + row * values;
    for (std::int64_t i = 0; i < values; ++i) y[i] *= silu(gate[i]);
  }
  frame.leave(block.output, mixed, residual, output);
}

}  // namespace

mx::array delta_rule_block_cpu(const mx::array& input,
                               const mx::array& residual,
                               const DeltaRuleBlock& block, int layer,
                               const Step& step) {
  return host_kernel(block.input.backend().cpu, "DeltaRuleBlock",
                     residual.shape(), {input, residual},
                     [cpu = block.input.backend().cpu, block = &block,
                      sequences = take_states(step, layer),
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_delta_rule(*cpu, *block, sequences, rows, inputs[0],
                                      inputs[1], output);
                     });
}

}  // namespace abstractllm::ops
