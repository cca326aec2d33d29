// Attention within stretches, stretch by stretch.
// SPDX-License-Identifier: Apache-2.0
#include "ops/encoder_attention.h"

#include <utility>

#include "mlx/fast.h"
#include "mlx/ops.h"
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

// The keys and values of a stretch live in a slab of their own, which the next
// one takes over.
void run_attention(CpuState& cpu, const EncoderAttentionSpec& spec,
                   const EncoderLayout& layout, const float* query,
                   const float* key, const float* value, float* out) {
  const std::int64_t width = std::int64_t{spec.heads} * spec.head_dim;
  const std::int64_t pairs = spec.head_dim / 2;
  cpu::KvSlab slab({.heads = spec.heads,
                    .head_size = spec.head_dim,
                    .type = cpu::KvType::kF32});
  const cpu::AttentionShape shape{.heads = spec.heads,
                                  .kv_heads = spec.heads,
                                  .head_size = spec.head_dim,
                                  .scale = spec.scale};
  std::int64_t first = 0;
  for (const int end : layout.ends) {
    const std::int64_t tokens = end - first;
    cpu::HeadTransform turn;
    if (layout.angles) {
      turn.rope = {.cos = layout.angles->cos.data() + first * pairs,
                   .sin = layout.angles->sin.data() + first * pairs,
                   .dims = spec.head_dim,
                   .pairs = cpu::RopePairs::kHalves};
    }
    float* q = floats(cpu.query, tokens * width);
    std::copy_n(query + first * width, tokens * width, q);
    cpu::transform_heads(cpu.pool, q, tokens, spec.heads, spec.head_dim, 0,
                         turn);
    slab.truncate(0);
    slab.append(cpu.pool, {.k = key + first * width,
                           .v = value + first * width,
                           .tokens = tokens,
                           .k_transform = turn});
    const std::int64_t padding = tokens - layout.padding;
    attend_all(cpu, shape, slab, padding, q, out + first * width);
    if (padding < tokens) {
      slab.truncate(padding);
      attend_all(cpu, shape, slab, layout.padding, q + padding * width,
                 out + (first + padding) * width);
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
