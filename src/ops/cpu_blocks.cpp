// The two halves of a layer over the CPU kernels: one graph node each, because
// a node costs microseconds that small models do not have.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_blocks.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/cpu_adapted.h"
#include "ops/cpu_frame.h"
#include "ops/host_kernel.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

void cut(cpu::ThreadPool& pool, float clip, std::int64_t count, float* x) {
  pool.parallel_for(count, 1 << 14,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        x[i] = std::clamp(x[i], -clip, clip);
                      }
                    });
}

void apply_xielu(cpu::ThreadPool& pool, const Xielu& unit, std::int64_t count,
                 float* x) {
  const auto value = [&unit](float v) {
    const float curve =
        v > 0 ? unit.positive * v * v
              : (std::expm1(std::min(v, unit.eps)) - v) * unit.negative;
    return curve + unit.beta * v;
  };
  pool.parallel_for(count, 1 << 12,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        x[i] = value(x[i]);
                      }
                    });
}

void apply_head_norm(CpuState& cpu, const std::optional<Norm>& norm,
                     std::int64_t values, float* x) {
  if (!norm) return;
  const auto size = static_cast<std::int64_t>(norm->weight.size());
  apply_norm(cpu.pool, *norm, x, values / size, size, x);
}

// Each `width` values of y are multiplied by the sigmoid of one of `gate`.
void apply_sigmoid(cpu::ThreadPool& pool, const float* gate, std::int64_t count,
                   std::int64_t width, float* y) {
  pool.parallel_for(count, std::max<std::int64_t>(1, (1 << 12) / width),
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const float factor = 1.0f / (1.0f + std::exp(-gate[i]));
                        float* x = y + i * width;
                        for (std::int64_t j = 0; j < width; ++j) x[j] *= factor;
                      }
                    });
}

// Heads of `size` values become heads of `room`, as slabs hold them, in place.
void widen_heads(std::int64_t heads, int size, int room, float* x) {
  for (std::int64_t i = heads - 1; i >= 0 && size < room; --i) {
    std::copy_backward(x + i * size, x + (i + 1) * size, x + i * room + size);
    std::fill(x + i * room + size, x + (i + 1) * room, 0.0f);
  }
}

void narrow_heads(std::int64_t heads, int size, int room, float* x) {
  for (std::int64_t i = 1; i < heads && size < room; ++i) {
    std::copy_n(x + i * room, size, x + i * size);
  }
}

void run_attention(CpuState& cpu, const AttentionBlock& block,
                   const std::vector<SlabRows>& sequences, std::int64_t rows,
                   const float* input, const float* residual, float* output) {
  const AttentionSpec& spec = block.spec;
  const std::int64_t query_size = block.query.outputs();
  CpuFrame frame(cpu, block.frame, rows, block.output.outputs());
  frame.enter(input);
  float* query = floats(cpu.query, rows * query_size);
  float* key = nullptr;
  float* value = nullptr;
  if (block.reuses_cache) {
    run_linear(cpu, cpu.input, {target(block.query, query)});
  } else {
    const std::int64_t kv_size = block.key.outputs();
    key = floats(cpu.key, rows * kv_size);
    const std::int64_t value_size = block.value.outputs();
    value = floats(cpu.value, rows * kv_size);
    run_linear(cpu, cpu.input,
               {target(block.query, query), target(block.key, key),
                target(block.value, value)});
    apply_head_norm(cpu, block.key_norm, rows * kv_size, key);
    apply_head_norm(cpu, block.value_norm, rows * value_size, value);
    if (block.clip > 0) {
      cut(cpu.pool, block.clip, rows * kv_size, key);
      cut(cpu.pool, block.clip, rows * value_size, value);
    }
    widen_heads(rows * spec.kv_heads, spec.value_size(), spec.head_dim, value);
  }
  float* gate = nullptr;
  if (block.gate) {
    gate = floats(cpu.gate, rows * block.gate->outputs());
    run_linear(cpu, cpu.input, {target(*block.gate, gate)});
  }
  apply_head_norm(cpu, block.query_norm, rows * query_size, query);
  if (block.clip > 0) cut(cpu.pool, block.clip, rows * query_size, query);
  float* attended = floats(cpu.inner, rows * query_size);
  attend_slabs(cpu, spec, sequences, query, key, value, attended);
  narrow_heads(rows * spec.heads, spec.value_size(), spec.head_dim, attended);
  const std::int64_t width = std::int64_t{spec.heads} * spec.value_size();
  if (gate) {
    const std::int64_t gates = block.gate->outputs();
    apply_sigmoid(cpu.pool, gate, rows * gates, width / gates, attended);
  }
  if (block.output_norm) {
    apply_norm(cpu.pool, *block.output_norm, attended, rows, width, attended);
  }
  frame.leave(block.output, attended, residual, output);
}

void run_mlp(CpuState& cpu, const MlpBlock& block, std::int64_t rows,
             const float* input, const float* residual, float* output) {
  const std::int64_t width = block.up.outputs();
  CpuFrame frame(cpu, block.frame, rows, block.down.outputs());
  frame.enter(input);
  float* inner = floats(cpu.inner, rows * width);
  const cpu::GateKind kind = gate_kind(block.activation);
  if (block.gate) {
    run_gated_linear(cpu, cpu.input, *block.gate, block.up, kind, inner);
  } else {
    run_linear(cpu, cpu.input, {target(block.up, inner)});
    if (block.xielu) {
      apply_xielu(cpu.pool, *block.xielu, rows * width, inner);
    } else {
      cpu.pool.parallel_for(rows * width, 1 << 14,
                            [&](std::int64_t begin, std::int64_t end, int) {
                              cpu::activate(kind, inner + begin, end - begin,
                                            inner + begin);
                            });
    }
  }
  if (block.inner_norm) {
    apply_norm(cpu.pool, *block.inner_norm, inner, rows, width, inner);
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
  return host_kernel(
      block.query.backend().cpu, "AttentionBlock", residual.shape(),
      {input, residual},
      [cpu = block.query.backend().cpu, block = &block,
       sequences = reserve_slabs(step, layer, !block.reuses_cache),
       rows = residual.shape(0)](auto inputs, float* output) {
        run_attention(*cpu, *block, sequences, rows, inputs[0], inputs[1],
                      output);
      });
}

mx::array mlp_block_cpu(const mx::array& input, const mx::array& residual,
                        const MlpBlock& block) {
  return host_kernel(
      block.up.backend().cpu, "MlpBlock", residual.shape(), {input, residual},
      [cpu = block.up.backend().cpu, block = &block, rows = residual.shape(0)](
          auto inputs, float* output) {
        run_mlp(*cpu, *block, rows, inputs[0], inputs[1], output);
      });
}

mx::array normalise_cpu(const mx::array& x, const Norm& norm) {
  const int columns = x.shape(-1);
  return host_kernel(norm.cpu, "Norm", x.shape(), {x},
                     [norm = &norm, rows = x.size() / columns, columns](
                         auto inputs, float* output) {
                       apply_norm(norm->cpu->pool, *norm, inputs[0],
                                  static_cast<std::int64_t>(rows), columns,
                                  output);
                     });
}

}  // namespace abstractllm::ops
