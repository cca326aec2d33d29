// The two halves of a layer over the CPU kernels: one graph node each, because
// a node costs microseconds that small models do not have.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "mlx/ops.h"
#include "ops/cpu/float_kernels.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

float* floats(cpu::AlignedBuffer& buffer, std::int64_t count) {
  buffer.resize(static_cast<std::size_t>(count) * sizeof(float));
  return buffer.as<float>();
}

const float* data_or_null(const std::optional<mx::array>& array) {
  return array ? array->data<float>() : nullptr;
}

// (rows, columns); `out` may be `x`.
void apply_norm(cpu::ThreadPool& pool, const Norm& norm, const float* x,
                std::int64_t rows, std::int64_t columns, float* out) {
  const cpu::NormOptions options{.eps = norm.eps};
  const float* weight = norm.weight.data<float>();
  if (norm.kind == NormKind::kRms) {
    cpu::rms_norm(pool, x, rows, columns, weight, options, out);
  } else {
    cpu::layer_norm(pool, x, rows, columns, weight, data_or_null(norm.bias),
                    options, out);
  }
}

cpu::LinearTarget target(const Linear& weight, float* y) {
  return {
      .weights = weight.packed(), .y = y, .bias = data_or_null(weight.bias())};
}

cpu::GateKind gate_kind(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return cpu::GateKind::kSilu;
    case Activation::kGelu:
      return cpu::GateKind::kGeluErf;
    case Activation::kGeluTanh:
      return cpu::GateKind::kGeluTanh;
    case Activation::kRelu:
      return cpu::GateKind::kRelu;
    case Activation::kReluSquared:
      return cpu::GateKind::kReluSquared;
  }
  return cpu::GateKind::kSilu;
}

// What a frame's two ends have in common.
class Frame {
 public:
  Frame(CpuState& cpu, const ResidualFrame& frame, std::int64_t rows,
        std::int64_t hidden)
      : cpu_(cpu), frame_(frame), rows_(rows), hidden_(hidden) {}

  // Makes before(input) the input of the next linear layers.
  void enter(const float* input) {
    const float* x = input;
    if (frame_.before) {
      float* normed = floats(cpu_.normed, rows_ * hidden_);
      apply_norm(cpu_.pool, *frame_.before, input, rows_, hidden_, normed);
      x = normed;
    }
    cpu_.input.set(x, rows_, hidden_);
  }

  // output = residual + scale * after(weight(x)).
  void leave(const Linear& weight, const float* x, const float* residual,
             float* output) {
    const std::int64_t count = rows_ * hidden_;
    cpu_.input.set(x, rows_, weight.inputs());
    std::memcpy(output, residual,
                static_cast<std::size_t>(count) * sizeof(float));
    if (!frame_.after && frame_.scale == 1.0f) {
      cpu::LinearTarget sum = target(weight, output);
      sum.add = true;
      cpu::linear(cpu_.pool, cpu_.input, {sum}, cpu_.options);
      return;
    }
    float* branch = floats(cpu_.branch, count);
    cpu::linear(cpu_.pool, cpu_.input, {target(weight, branch)}, cpu_.options);
    if (frame_.after) {
      apply_norm(cpu_.pool, *frame_.after, branch, rows_, hidden_, branch);
    }
    cpu::add_scaled(branch, frame_.scale, count, output);
  }

 private:
  CpuState& cpu_;
  const ResidualFrame& frame_;
  std::int64_t rows_;
  std::int64_t hidden_;
};

// The new tokens of one sequence in one layer.
struct SlabRows {
  cpu::KvSlab* slab;
  std::int64_t first_row;
  std::int64_t rows;
};

void run_attention(CpuState& cpu, const AttentionBlock& block,
                   const std::vector<SlabRows>& sequences, std::int64_t rows,
                   const float* input, const float* residual, float* output) {
  const AttentionSpec& spec = block.spec;
  const std::int64_t query_size = block.query.outputs();
  const std::int64_t kv_size = block.key.outputs();
  Frame frame(cpu, block.frame, rows, block.output.outputs());
  frame.enter(input);
  float* query = floats(cpu.query, rows * query_size);
  float* key = floats(cpu.key, rows * kv_size);
  float* value = floats(cpu.value, rows * kv_size);
  cpu::linear(cpu.pool, cpu.input,
              {target(block.query, query), target(block.key, key),
               target(block.value, value)},
              cpu.options);
  if (block.query_norm) {
    apply_norm(cpu.pool, *block.query_norm, query, rows * spec.heads,
               spec.head_dim, query);
  }
  if (block.key_norm) {
    apply_norm(cpu.pool, *block.key_norm, key, rows * spec.kv_heads,
               spec.head_dim, key);
  }

  float* attended = floats(cpu.inner, rows * query_size);
  std::vector<cpu::AttentionSequence> views;
  views.reserve(sequences.size());
  for (const SlabRows& sequence : sequences) {
    cpu::HeadTransform turn;
    if (spec.rope.dims > 0) {
      turn.rope =
          cpu.rotary(spec.rope).rows(sequence.slab->length(), sequence.rows);
    }
    float* q = query + sequence.first_row * query_size;
    cpu::transform_heads(cpu.pool, q, sequence.rows, spec.heads, spec.head_dim,
                         0, turn);
    sequence.slab->append(cpu.pool, {.k = key + sequence.first_row * kv_size,
                                     .v = value + sequence.first_row * kv_size,
                                     .tokens = sequence.rows,
                                     .k_transform = turn});
    views.push_back({.kv = sequence.slab,
                     .q = q,
                     .out = attended + sequence.first_row * query_size,
                     .tokens = sequence.rows});
  }
  cpu::attention(cpu.pool, cpu.attention,
                 {.heads = spec.heads,
                  .kv_heads = spec.kv_heads,
                  .head_size = spec.head_dim,
                  .scale = spec.scale,
                  .softcap = spec.softcap,
                  .window = spec.window},
                 views);
  frame.leave(block.output, attended, residual, output);
}

void run_mlp(CpuState& cpu, const MlpBlock& block, std::int64_t rows,
             const float* input, const float* residual, float* output) {
  const std::int64_t width = block.up.outputs();
  Frame frame(cpu, block.frame, rows, block.down.outputs());
  frame.enter(input);
  float* inner = floats(cpu.inner, rows * width);
  const cpu::GateKind kind = gate_kind(block.activation);
  if (block.gate) {
    cpu::gated_linear(cpu.pool, cpu.input,
                      {.gate = block.gate->packed(),
                       .up = block.up.packed(),
                       .kind = kind,
                       .y = inner,
                       .gate_bias = data_or_null(block.gate->bias()),
                       .up_bias = data_or_null(block.up.bias())},
                      cpu.options);
  } else {
    cpu::linear(cpu.pool, cpu.input, {target(block.up, inner)}, cpu.options);
    cpu::activate(kind, inner, rows * width, inner);
  }
  frame.leave(block.down, inner, residual, output);
}

}  // namespace

bool runs_on_slabs(const Step& step, int layer) {
  return std::all_of(step.sequences.begin(), step.sequences.end(),
                     [layer](const SequenceRows& sequence) {
                       return (*sequence.kv)[layer]->slab() != nullptr;
                     });
}

mx::array attention_block_cpu(const mx::array& input, const mx::array& residual,
                              const AttentionBlock& block, int layer,
                              const Step& step) {
  std::vector<SlabRows> sequences;
  sequences.reserve(step.sequences.size());
  for (const SequenceRows& sequence : step.sequences) {
    KvLayer& kv = *(*sequence.kv)[layer];
    sequences.push_back({kv.slab(), sequence.first_row, sequence.rows});
    kv.reserve(sequence.rows);
  }
  return host_kernel("AttentionBlock", residual.shape(), {input, residual},
                     [cpu = block.query.backend().cpu, block = &block,
                      sequences = std::move(sequences),
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_attention(*cpu, *block, sequences, rows, inputs[0],
                                     inputs[1], output);
                     });
}

mx::array mlp_block_cpu(const mx::array& input, const mx::array& residual,
                        const MlpBlock& block) {
  return host_kernel("MlpBlock", residual.shape(), {input, residual},
                     [cpu = block.up.backend().cpu, block = &block,
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_mlp(*cpu, *block, rows, inputs[0], inputs[1],
                               output);
                     });
}

mx::array normalise_cpu(const mx::array& x, const Norm& norm) {
  const int columns = x.shape(-1);
  return host_kernel("Norm", x.shape(), {x},
                     [norm = &norm, rows = x.size() / columns, columns](
                         auto inputs, float* output) {
                       apply_norm(norm->cpu->pool, *norm, inputs[0],
                                  static_cast<std::int64_t>(rows), columns,
                                  output);
                     });
}

}  // namespace abstractllm::ops
