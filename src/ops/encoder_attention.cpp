// Attention within stretches, stretch by stretch.
// SPDX-License-Identifier: Apache-2.0
#include "ops/encoder_attention.h"

#include <utility>

#include "mlx/fast.h"
#include "mlx/ops.h"
#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/panel_multiplier.h"
#include "ops/cpu_frame.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// (tokens, heads * head_dim) -> (heads, tokens, head_dim)
mx::array split_heads(const mx::array& x, const EncoderAttentionSpec& spec) {
  return mx::transpose(mx::reshape(x, {x.shape(0), spec.heads, spec.head_dim}),
                       {1, 0, 2});
}

mx::array attend_stock(const EncoderAttentionSpec& spec, mx::array query,
                       mx::array key, const mx::array& value,
                       const EncoderLayout& layout) {
  query = split_heads(query, spec);
  key = split_heads(key, spec);
  const mx::array values = split_heads(value, spec);
  if (layout.angles) {
    query = rotate_by(query, *layout.angles);
    key = rotate_by(key, *layout.angles);
  }
  std::vector<mx::array> outputs;
  // Queries [from, to) over keys [first, last).
  const auto attend = [&](int from, int to, int first, int last) {
    const auto rows = [&](const mx::array& x, int begin, int end) {
      return mx::expand_dims(
          mx::slice(x, {0, begin, 0}, {spec.heads, end, spec.head_dim}), 0);
    };
    const mx::array attended = mx::fast::scaled_dot_product_attention(
        rows(query, from, to), rows(key, first, last),
        rows(values, first, last), spec.scale);
    outputs.push_back(
        mx::reshape(mx::transpose(mx::squeeze(attended, 0), {1, 0, 2}),
                    {to - from, spec.heads * spec.head_dim}));
  };
  int first = 0;
  for (const int end : layout.ends) {
    const int padding = end - layout.padding;
    attend(first, padding, first, end);
    if (padding < end) attend(padding, end, first, padding);
    first = end;
  }
  return mx::concatenate(outputs, 0);
}

// Null: values stay f32.
const cpu::Bf16Kernels* kernels_for(const CpuState& cpu,
                                    const EncoderAttentionSpec& spec) {
  const bool rounds =
      spec.bf16 && cpu.options.rounds_bf16 &&
      cpu.options.precision != cpu::Precision::kExact &&
      std::int64_t{spec.heads} * spec.head_dim >= cpu::kBearsBf16;
  return rounds ? cpu::bf16_kernels(cpu::features_of(cpu.options)) : nullptr;
}

// The values of one stretch, and how they turn.
struct StretchRows {
  std::int64_t tokens;
  std::int64_t padding;
  const float* query;
  const float* key;
  const float* value;
  float* out;
  cpu::HeadTransform turn;
};

void attend_rounded(CpuState& cpu, const cpu::Bf16Kernels& kernels,
                    const EncoderAttentionSpec& spec, const StretchRows& rows) {
  cpu::attend_stretch(cpu.pool, kernels, cpu.stretches,
                      {.heads = spec.heads,
                       .head_size = spec.head_dim,
                       .scale = spec.scale,
                       .tokens = rows.tokens,
                       .padding = rows.padding,
                       .q = rows.query,
                       .k = rows.key,
                       .v = rows.value,
                       .out = rows.out,
                       .turn = rows.turn});
}

// `slab` is what keys and values are laid out in.
void attend_exactly(CpuState& cpu, const EncoderAttentionSpec& spec,
                    const StretchRows& rows, cpu::KvSlab& slab) {
  const std::int64_t width = std::int64_t{spec.heads} * spec.head_dim;
  float* query = floats(cpu.query, rows.tokens * width);
  std::copy_n(rows.query, rows.tokens * width, query);
  cpu::transform_heads(cpu.pool, query, rows.tokens, spec.heads, spec.head_dim,
                       0, rows.turn);
  slab.truncate(0);
  slab.append(cpu.pool, {.k = rows.key,
                         .v = rows.value,
                         .tokens = rows.tokens,
                         .k_transform = rows.turn});
  const std::int64_t others = rows.tokens - rows.padding;
  const cpu::AttentionShape shape{.heads = spec.heads,
                                  .kv_heads = spec.heads,
                                  .head_size = spec.head_dim,
                                  .scale = spec.scale};
  attend_all(cpu, shape, slab, others, query, rows.out);
  if (rows.padding == 0) return;
  slab.truncate(others);
  attend_all(cpu, shape, slab, rows.padding, query + others * width,
             rows.out + others * width);
}

// The keys and values of a stretch live in a slab of their own, which the next
// one takes over.
void run_attention(CpuState& cpu, const EncoderAttentionSpec& spec,
                   const EncoderLayout& layout, const float* query,
                   const float* key, const float* value, float* out) {
  const std::int64_t width = std::int64_t{spec.heads} * spec.head_dim;
  const std::int64_t pairs = spec.head_dim / 2;
  const cpu::Bf16Kernels* kernels = kernels_for(cpu, spec);
  cpu::KvSlab slab({.heads = spec.heads,
                    .head_size = spec.head_dim,
                    .type = cpu::KvType::kF32});
  std::int64_t first = 0;
  for (const int end : layout.ends) {
    StretchRows rows = {.tokens = end - first,
                        .padding = layout.padding,
                        .query = query + first * width,
                        .key = key + first * width,
                        .value = value + first * width,
                        .out = out + first * width,
                        .turn = {}};
    if (layout.angles) {
      rows.turn.rope = {.cos = layout.angles->cos.data() + first * pairs,
                        .sin = layout.angles->sin.data() + first * pairs,
                        .dims = spec.head_dim,
                        .pairs = cpu::RopePairs::kHalves};
    }
    if (kernels != nullptr) {
      attend_rounded(cpu, *kernels, spec, rows);
    } else {
      attend_exactly(cpu, spec, rows, slab);
    }
    first = end;
  }
}

}  // namespace

mx::array encoder_attention(const Backend& backend,
                            const EncoderAttentionSpec& spec,
                            const mx::array& query, const mx::array& key,
                            const mx::array& value,
                            std::shared_ptr<const EncoderLayout> layout) {
  if (!backend.cpu) return attend_stock(spec, query, key, value, *layout);
  return host_kernel(backend.cpu, "EncoderAttention", query.shape(),
                     {query, key, value},
                     [cpu = backend.cpu.get(), spec,
                      layout = std::move(layout)](auto inputs, float* output) {
                       run_attention(*cpu, spec, *layout, inputs[0], inputs[1],
                                     inputs[2], output);
                     });
}

}  // namespace abstractllm::ops
