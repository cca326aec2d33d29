// Keys and values of images, and rows of text that look at them.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cross_attention.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "mlx/fast.h"
#include "mlx/ops.h"
#include "ops/cpu_frame.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

mx::array first_rows(const mx::array& x, int rows) {
  if (rows == x.shape(0)) return x;
  return mx::slice(x, {0, 0}, {rows, x.shape(1)});
}

}  // namespace

struct CrossSight::Laid {
  std::optional<CrossKeys> joined;
  std::optional<cpu::KvSlab> slab;
};

CrossSight::CrossSight(std::vector<CrossPart> parts)
    : parts_(std::move(parts)) {
  for (const CrossPart& part : parts_) rows_ += part.rows;
  for (std::size_t i = 0; i < parts_.front().layers->size(); ++i) {
    layers_.push_back(std::make_unique<Laid>());
  }
}

CrossSight::~CrossSight() = default;

const CrossKeys& CrossSight::keys(int index) const {
  const auto at = static_cast<std::size_t>(index);
  Laid& laid = *layers_.at(at);
  if (laid.joined) return *laid.joined;
  std::vector<mx::array> keys;
  std::vector<mx::array> values;
  for (const CrossPart& part : parts_) {
    const CrossKeys& own = part.layers->at(at);
    keys.push_back(first_rows(own.keys, part.rows));
    values.push_back(first_rows(own.values, part.rows));
  }
  laid.joined = CrossKeys{mx::concatenate(keys, 0), mx::concatenate(values, 0)};
  return *laid.joined;
}

const cpu::KvSlab& CrossSight::slab(CpuState& cpu, const AttentionSpec& spec,
                                    int index) const {
  const auto at = static_cast<std::size_t>(index);
  Laid& laid = *layers_.at(at);
  if (laid.slab) return *laid.slab;
  cpu::KvSlab slab({.heads = spec.kv_heads,
                    .head_size = spec.head_dim,
                    .type = cpu.kv_type});
  for (const CrossPart& part : parts_) {
    const CrossKeys& own = part.layers->at(at);
    slab.append(cpu.pool, {.k = own.keys.data<float>(),
                           .v = own.values.data<float>(),
                           .tokens = part.rows,
                           .k_transform = {}});
  }
  laid.slab.emplace(std::move(slab));
  return *laid.slab;
}

namespace {

// The spans of a step by their first row; rows between them see nothing.
struct PlacedSpan {
  int first;
  CrossSpan span;
};
std::vector<PlacedSpan> placed_spans(const Step& step) {
  std::vector<PlacedSpan> placed;
  for (const SequenceRows& sequence : step.sequences) {
    if (!sequence.across) continue;
    int first = sequence.first_row;
    for (const CrossSpan& span : *sequence.across) {
      placed.push_back({first, span});
      first += span.rows;
    }
  }
  return placed;
}

// (rows, heads * head_dim) -> (1, heads, rows, head_dim)
mx::array split_heads(const mx::array& x, int heads, int head_dim) {
  return mx::transpose(mx::reshape(x, {1, x.shape(0), heads, head_dim}),
                       {0, 2, 1, 3});
}

mx::array attend_stock(const mx::array& query, const CrossAttentionBlock& block,
                       const std::vector<PlacedSpan>& spans) {
  const AttentionSpec& spec = block.spec;
  const int width = query.shape(1);
  std::vector<mx::array> outputs;
  int done = 0;
  const auto nothing_up_to = [&](int row) {
    if (row == done) return;
    outputs.push_back(mx::zeros({row - done, width}, query.dtype()));
    done = row;
  };
  for (const auto& [first, span] : spans) {
    nothing_up_to(first);
    done = first + span.rows;
    const CrossKeys& seen = span.sight->keys(block.index);
    const mx::array attended = mx::fast::scaled_dot_product_attention(
        split_heads(mx::slice(query, {first, 0}, {done, width}), spec.heads,
                    spec.head_dim),
        split_heads(mx::astype(seen.keys, query.dtype()), spec.kv_heads,
                    spec.head_dim),
        split_heads(mx::astype(seen.values, query.dtype()), spec.kv_heads,
                    spec.head_dim),
        spec.scale);
    outputs.push_back(
        mx::reshape(mx::transpose(attended, {0, 2, 1, 3}), {span.rows, width}));
  }
  nothing_up_to(query.shape(0));
  return outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
}

void attend_on_cpu(CpuState& cpu, const CrossAttentionBlock& block,
                   const std::vector<PlacedSpan>& spans, int rows,
                   const float* query, float* out) {
  const AttentionSpec& spec = block.spec;
  const std::int64_t width = std::int64_t{spec.heads} * spec.head_dim;
  std::fill_n(out, rows * width, 0.0f);
  for (const auto& [first, span] : spans) {
    attend_all(cpu,
               {.heads = spec.heads,
                .kv_heads = spec.kv_heads,
                .head_size = spec.head_dim,
                .scale = spec.scale},
               span.sight->slab(cpu, spec, block.index), span.rows,
               query + first * width, out + first * width);
  }
}

}  // namespace

mx::array cross_attention_block(const mx::array& input,
                                const mx::array& residual,
                                const CrossAttentionBlock& block,
                                const Step& step) {
  std::vector<PlacedSpan> spans = placed_spans(step);
  if (spans.empty()) return residual;
  const mx::array query = normalise_heads(
      linear(enter_frame(input, block.frame), block.query), block.query_norm);
  const auto& cpu = block.query.backend().cpu;
  const bool on_kernels = cpu && block.spec.head_dim <= cpu::kMaxHeadSize;
  const mx::array attended =
      on_kernels
          ? host_kernel(
                cpu, "CrossAttention", query.shape(), {query},
                [cpu = cpu.get(), block = &block, spans = std::move(spans),
                 rows = query.shape(0)](auto inputs, float* output) {
                  attend_on_cpu(*cpu, *block, spans, rows, inputs[0], output);
                })
          : attend_stock(query, block, spans);
  return leave_frame(linear(attended, block.output), residual, block.frame);
}

mx::array rows_behind_images(const mx::array& before, const mx::array& after,
                             const Step& step) {
  const int rows = before.shape(0);
  const auto shown = std::make_unique<bool[]>(static_cast<std::size_t>(rows));
  int count = 0;
  for (const auto& [first, span] : placed_spans(step)) {
    if (span.before_images) continue;
    std::fill_n(shown.get() + first, span.rows, true);
    count += span.rows;
  }
  if (count == 0) return before;
  if (count == rows) return after;
  return mx::where(mx::array(shown.get(), {rows, 1}, mx::bool_), after, before);
}

}  // namespace abstractllm::ops
