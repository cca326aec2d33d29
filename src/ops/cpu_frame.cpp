// The frame around a sub-layer and attention over slabs, on the CPU kernels.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_frame.h"

#include <algorithm>

#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/panel_multiplier.h"
#include "ops/cpu_adapted.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

float* floats(cpu::AlignedBuffer& buffer, std::int64_t count) {
  buffer.resize(static_cast<std::size_t>(count) * sizeof(float));
  return buffer.as<float>();
}

const float* data_or_null(const std::optional<mx::array>& array) {
  return array ? array->data<float>() : nullptr;
}

namespace {

// Runs `work(row)` for each row of `columns` values.
template <typename Work>
void for_each_row(cpu::ThreadPool& pool, std::int64_t rows,
                  std::int64_t columns, Work work) {
  constexpr std::int64_t kValues = 1 << 14;
  pool.parallel_for(rows, kValues / std::max<std::int64_t>(1, columns),
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t row = begin; row < end; ++row)
                        work(row);
                    });
}

// query: (rows, heads * head_dim), the first at `position`.
void apply_temperature(cpu::ThreadPool& pool, const AttentionSpec& spec,
                       std::int64_t position, std::int64_t rows, float* query) {
  if (spec.temperature == 0) return;
  const std::int64_t size = std::int64_t{spec.heads} * spec.head_dim;
  for_each_row(pool, rows, size, [&](std::int64_t row) {
    const float scale = spec.query_scale(static_cast<int>(position + row));
    float* x = query + row * size;
    for (std::int64_t i = 0; i < size; ++i) x[i] *= scale;
  });
}

// x = x * weight + bias, for each row.
void scale_rows(cpu::ThreadPool& pool, const float* weight, const float* bias,
                std::int64_t rows, std::int64_t columns, float* x) {
  for_each_row(pool, rows, columns, [&](std::int64_t row) {
    float* to = x + row * columns;
    for (std::int64_t i = 0; i < columns; ++i) {
      to[i] = to[i] * weight[i] + (bias ? bias[i] : 0.0f);
    }
  });
}

// Null: attention is computed in f32, as that of narrow models always is: their
// answers change sooner. The kernels have no scores by tables of distances and
// no rounded slopes.
const cpu::Bf16Kernels* rounding_kernels(const CpuState& cpu,
                                         const AttentionSpec& spec) {
  if (!cpu.options.rounds_attention || cpu.kv_type == cpu::KvType::kF32 ||
      spec.rounds_slopes || spec.distance_scores ||
      std::int64_t{spec.heads} * spec.head_dim < kBearsRounding) {
    return nullptr;
  }
  return cpu::bf16_kernels(cpu::features_of(cpu.options));
}

// All threads take part since what is new is first touched here.
void copy(cpu::ThreadPool& pool, const float* from, std::int64_t count,
          float* to) {
  pool.parallel_for(count, 1 << 15,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      std::copy_n(from + begin, end - begin, to + begin);
                    });
}

}  // namespace

void apply_norm(cpu::ThreadPool& pool, const Norm& norm, const float* x,
                std::int64_t rows, std::int64_t columns, float* out) {
  const cpu::NormOptions options{.eps = norm.eps};
  const bool whole = norm.groups == 1;
  const float* weight = norm.weight.data<float>();
  const float* bias = data_or_null(norm.bias);
  const float* inner_weight = whole ? weight : nullptr;
  const std::int64_t parts = rows * norm.groups;
  const std::int64_t size = columns / norm.groups;
  if (norm.kind == NormKind::kRms) {
    cpu::rms_norm(pool, x, parts, size, inner_weight, options, out);
  } else {
    cpu::layer_norm(pool, x, parts, size, inner_weight, whole ? bias : nullptr,
                    options, out);
  }
  if (!whole) scale_rows(pool, weight, bias, rows, columns, out);
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
    case Activation::kQuickGelu:
      return cpu::GateKind::kQuickGelu;
    case Activation::kRelu:
      return cpu::GateKind::kRelu;
    case Activation::kReluSquared:
      return cpu::GateKind::kReluSquared;
  }
  return cpu::GateKind::kSilu;
}

const float* CpuFrame::enter(const float* input) {
  const float* x = input;
  if (frame_.before) {
    float* normed = floats(cpu_.normed, rows_ * hidden_);
    apply_norm(cpu_.pool, *frame_.before, input, rows_, hidden_, normed);
    x = normed;
  }
  cpu_.input.set(x, rows_, hidden_);
  return x;
}

void CpuFrame::leave(const Linear& weight, const float* x,
                     const float* residual, float* output) {
  cpu_.input.set(x, rows_, weight.inputs());
  if (!frame_.after && frame_.scale == 1.0f) {
    copy(cpu_.pool, residual, rows_ * hidden_, output);
    cpu::LinearTarget sum = target(weight, output);
    sum.add = true;
    run_linear(cpu_, cpu_.input, {sum});
    return;
  }
  float* branch = floats(cpu_.branch, rows_ * hidden_);
  run_linear(cpu_, cpu_.input, {target(weight, branch)});
  leave(branch, residual, output);
}

void CpuFrame::leave(float* branch, const float* residual, float* output) {
  const std::int64_t count = rows_ * hidden_;
  copy(cpu_.pool, residual, count, output);
  if (frame_.after) {
    apply_norm(cpu_.pool, *frame_.after, branch, rows_, hidden_, branch);
  }
  cpu_.pool.parallel_for(count, 1 << 15,
                         [&](std::int64_t begin, std::int64_t end, int) {
                           cpu::add_scaled(branch + begin, frame_.scale,
                                           end - begin, output + begin);
                         });
}

std::vector<SlabRows> reserve_slabs(const Step& step, int layer, bool added) {
  std::vector<SlabRows> sequences;
  sequences.reserve(step.sequences.size());
  for (const SequenceRows& sequence : step.sequences) {
    KvLayer& kv = *(*sequence.kv)[layer];
    sequences.push_back({kv.slab(), sequence.first_row, sequence.rows,
                         sequence.planned, sequence.position_shift,
                         sequence.placement});
    if (added) kv.reserve(sequence.rows);
  }
  return sequences;
}

void attend_all(CpuState& cpu, const cpu::AttentionShape& shape,
                const cpu::KvSlab& slab, std::int64_t rows, const float* query,
                float* out) {
  const std::int64_t width = std::int64_t{shape.heads} * shape.head_size;
  // The kernel takes queries for the last positions of the slab.
  for (std::int64_t first = 0; first < rows; first += slab.length()) {
    cpu::attention(cpu.pool, cpu.attention, shape,
                   {{.kv = &slab,
                     .q = query + first * width,
                     .out = out + first * width,
                     .tokens = std::min(rows - first, slab.length()),
                     .causal = false}});
  }
}

void attend_slabs(CpuState& cpu, const AttentionSpec& spec,
                  const std::vector<SlabRows>& sequences, float* query,
                  float* key, const float* value, float* out) {
  const std::int64_t query_size = std::int64_t{spec.heads} * spec.head_dim;
  const std::int64_t kv_size = std::int64_t{spec.kv_heads} * spec.head_dim;
  std::vector<cpu::AttentionSequence> views;
  views.reserve(sequences.size());
  for (const SlabRows& sequence : sequences) {
    const std::int64_t position =
        sequence.slab->length() - (key ? 0 : sequence.rows);
    RopeTable grown;
    const RopeTable& rope =
        rope_for(spec.rope, sequence.planned,
                 static_cast<int>(position + sequence.rows), grown);
    cpu::HeadTransform turn;
    const RowPlacement* placement = sequence.placement.get();
    if (placement != nullptr && !placement->positions.empty()) {
      turn.rope = cpu.placed_rotary(rope, sequence.placement);
    } else if (rope.dims > 0) {
      turn.rope = cpu.rotary(rope).rows(position + sequence.position_shift,
                                        sequence.rows);
    }
    float* q = query + sequence.first_row * query_size;
    cpu::transform_heads(cpu.pool, q, sequence.rows, spec.heads, spec.head_dim,
                         0, turn);
    if (spec.rotated_query_norm) {
      apply_norm(cpu.pool, *spec.rotated_query_norm, q,
                 sequence.rows * spec.heads, spec.head_dim, q);
    }
    apply_temperature(cpu.pool, spec, position, sequence.rows, q);
    if (key) {
      float* k = key + sequence.first_row * kv_size;
      if (spec.rotated_key_norm) {
        cpu::transform_heads(cpu.pool, k, sequence.rows, spec.kv_heads,
                             spec.head_dim, 0, turn);
        apply_norm(cpu.pool, *spec.rotated_key_norm, k,
                   sequence.rows * spec.kv_heads, spec.head_dim, k);
        turn = {};
      }
      sequence.slab->append(cpu.pool,
                            {.k = k,
                             .v = value + sequence.first_row * kv_size,
                             .tokens = sequence.rows,
                             .k_transform = turn});
    }
    const bool ahead = placement != nullptr && !placement->sees_to.empty();
    views.push_back({.kv = sequence.slab,
                     .q = q,
                     .out = out + sequence.first_row * query_size,
                     .tokens = sequence.rows,
                     .sees_from = ahead ? placement->sees_from.data() : nullptr,
                     .sees_to = ahead ? placement->sees_to.data() : nullptr});
  }
  const cpu::AttentionShape shape = {
      .heads = spec.heads,
      .kv_heads = spec.kv_heads,
      .head_size = spec.head_dim,
      .scale = spec.scale,
      .softcap = spec.softcap,
      .window = spec.window,
      .chunked = spec.chunked && spec.window > 0,
      .bidirectional = spec.bidirectional,
      .sinks = data_or_null(spec.sinks),
      .slopes = data_or_null(spec.slopes),
      .rounds_slopes = spec.rounds_slopes,
      .distance_scores = data_or_null(spec.distance_scores),
      .reach = spec.reach()};
  if (const cpu::Bf16Kernels* kernels = rounding_kernels(cpu, spec)) {
    cpu::rounded_attention(cpu.pool, *kernels, cpu.rounded_attention, shape,
                           views);
  } else {
    cpu::attention(cpu.pool, cpu.attention, shape, views);
  }
}

}  // namespace abstractllm::ops
