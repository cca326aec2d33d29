// Attention: goes through the pages that rows of queries see.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/attention_plan.h"
#include "ops/cpu/half.h"
#include "ops/cpu/kv_store.h"

namespace abstractllm::ops::cpu {
namespace {

// Begins to read what is wanted soon and does not follow what is read now.
void fetch(const std::byte* from, std::int64_t bytes) {
  constexpr std::int64_t kLine = 64;
  for (std::int64_t i = 0; i < bytes; i += kLine) __builtin_prefetch(from + i);
}

class Attention {
 public:
  Attention(const AttentionShape& shape) : shape_(shape) {}

  int group() const { return shape_.heads / shape_.kv_heads; }

  void run(const QueryBlock& block, float* partials,
           std::int64_t partial_stride) const {
    alignas(64) float q[kQueryRows * kQueryStride];
    alignas(64) float scores[kQueryRows * kQueryStride];
    alignas(64) float sums[kQueryRows * kQueryStride];
    alignas(64) float page_sums[kQueryRows * kQueryStride];
    SoftmaxState states[kQueryRows];
    SoftmaxState page_states[kQueryRows];
    load_queries(block, q);
    const int padded = block.sequence->kv->padded_head_size();
    bool first = true;
    if (shape_.sinks != nullptr && block.partial < 0) {
      start_with_sinks(block, states, sums);
      first = false;
    }
    for (std::int64_t p = block.begin; p < block.end;) {
      const std::int64_t stop = std::min(block.end, page_end(p));
      SoftmaxState* to_states = first ? states : page_states;
      float* to_sums = first ? sums : page_sums;
      start_page(block, to_states, to_sums);
      add_page(block, p, stop, q, scores, to_states, to_sums);
      for (int r = 0; r < block.rows && !first; ++r) {
        add_result(page_states[r], page_sums + r * kQueryStride, padded,
                   states[r], sums + r * kQueryStride);
      }
      first = false;
      p = stop;
    }
    for (int r = 0; r < block.rows; ++r) {
      const float* sum = sums + r * kQueryStride;
      if (block.partial < 0) {
        write(block, r, sum, states[r].sum);
      } else {
        float* to = partials + (block.partial + r) * partial_stride;
        to[0] = states[r].largest;
        to[1] = states[r].sum;
        std::copy_n(sum, padded, to + kKvLanes);
      }
    }
  }

  /// Adds up the pages `blocks` of the same rows, row `r` of them.
  void merge(std::span<const QueryBlock> blocks, int r, const float* partials,
             std::int64_t partial_stride) const {
    const QueryBlock& first = blocks[0];
    const int padded = first.sequence->kv->padded_head_size();
    SoftmaxState total = empty_state(first, r);
    alignas(64) float sums[kQueryStride];
    std::fill_n(sums, padded, 0.0f);
    for (const QueryBlock& block : blocks) {
      const float* part = partials + (block.partial + r) * partial_stride;
      add_result({part[0], part[1]}, part + kKvLanes, padded, total, sums);
    }
    write(first, r, sums, total.sum);
  }

 private:
  // Nothing seen yet.
  static void start_page(const QueryBlock& block, SoftmaxState* states,
                         float* sums) {
    const int padded = block.sequence->kv->padded_head_size();
    for (int r = 0; r < block.rows; ++r) {
      states[r] = {-std::numeric_limits<float>::infinity(), 0.0f};
      std::fill_n(sums + r * kQueryStride, padded, 0.0f);
    }
  }

  // Sinks are weight that goes to no value.
  SoftmaxState empty_state(const QueryBlock& block, int row) const {
    if (shape_.sinks != nullptr) {
      return {shape_.sinks[head_of(block, row)], 1.0f};
    }
    return {-std::numeric_limits<float>::infinity(), 0.0f};
  }
  void start_with_sinks(const QueryBlock& block, SoftmaxState* states,
                        float* sums) const {
    start_page(block, states, sums);
    for (int r = 0; r < block.rows; ++r) states[r] = empty_state(block, r);
  }

  // total += part. Into an empty total it is an exact copy.
  static void add_result(const SoftmaxState& part, const float* part_sums,
                         int count, SoftmaxState& total, float* total_sums) {
    if (part.sum == 0) return;
    const float largest = std::max(total.largest, part.largest);
    const float factor = std::exp(total.largest - largest);
    const float part_factor = std::exp(part.largest - largest);
    blend_values(part_sums, part_factor, count, factor, total_sums);
    total.sum = total.sum * factor + part.sum * part_factor;
    total.largest = largest;
  }

  // Keys and values of int8 are turned (kv_store.h): so are then queries and
  // sums.
  static bool is_turned(const QueryBlock& block) {
    return block.sequence->kv->options().type == KvType::kInt8;
  }

  std::int64_t token_of(const QueryBlock& block, int row) const {
    return (block.first_row + row) / group();
  }
  int head_of(const QueryBlock& block, int row) const {
    return block.kv_head * group() +
           static_cast<int>((block.first_row + row) % group());
  }

  void load_queries(const QueryBlock& block, float* q) const {
    for (int r = 0; r < block.rows; ++r) {
      const float* from = query_of(shape_, *block.sequence, token_of(block, r),
                                   head_of(block, r));
      float* to = q + r * kQueryStride;
      for (int i = 0; i < shape_.head_size; ++i) to[i] = from[i] * shape_.scale;
      if (!is_turned(block)) continue;
      const int padded = block.sequence->kv->padded_head_size();
      std::fill(to + shape_.head_size, to + padded, 0.0f);
      turn_head(to, padded);
    }
  }

  // Positions [begin, end) of one page.
  void add_page(const QueryBlock& block, std::int64_t begin, std::int64_t end,
                const float* q, float* scores, SoftmaxState* states,
                float* sums) const {
    const AttentionSequence& s = *block.sequence;
    const KvType type = s.kv->options().type;
    const int padded = s.kv->padded_head_size();
    const std::int64_t page = begin / kPagePositions * kPagePositions;
    const int from = static_cast<int>(begin - page) / kKvLanes * kKvLanes;
    const int to = static_cast<int>(round_to_lanes(end - page));
    const std::byte* keys = s.kv->keys(block.kv_head, begin);
    const std::byte* values = s.kv->values(block.kv_head, begin);
    const std::int64_t key_block =
        std::int64_t{padded} * kKvLanes * kv_bytes(type);
    const bool turned = is_turned(block);
    if (turned) {
      fetch_scales(s.kv->scales(keys) + from, to - from, padded);
      fetch_scales(s.kv->scales(values) + from, to - from, padded);
    }
    multiply_kv_panels({.type = type,
                        .first = keys + from / kKvLanes * key_block,
                        .bytes = key_block,
                        .count = (to - from) / kKvLanes,
                        .columns = turned ? padded : shape_.head_size,
                        .scales = turned ? s.kv->scales(keys) + from : nullptr},
                       block.rows, q, false, scores);
    const std::int64_t value_block =
        std::int64_t{kPagePositions} * kKvLanes * kv_bytes(type);
    const std::int64_t offset = std::int64_t{from} * kKvLanes * kv_bytes(type);
    constexpr std::int64_t kSome = 2048;  // until fetching ahead takes over
    fetch(values + offset, kSome);
    if (end < block.end) fetch(s.kv->keys(block.kv_head, end), kSome);
    for (int r = 0; r < block.rows; ++r) {
      const std::int64_t token = token_of(block, r);
      const std::int64_t first =
          std::max(begin, first_seen(shape_, s, token)) - page - from;
      const std::int64_t last =
          std::min(end, end_seen(shape_, s, token)) - page - from;
      const std::int64_t position = s.kv->length() - s.tokens + token;
      add_placement(head_of(block, r), page + from, position, to - from,
                    scores + r * kQueryStride);
      const float factor = softmax_scores(
          scores + r * kQueryStride, to - from, static_cast<int>(first),
          static_cast<int>(last), shape_.softcap, states[r]);
      if (factor != 1.0f) {
        scale_values(sums + r * kQueryStride, padded, factor);
      }
    }
    const KvPanelRun all = {.type = type,
                            .first = values + offset,
                            .bytes = value_block,
                            .count = padded / kKvLanes,
                            .columns = static_cast<int>(end - page) - from};
    if (turned) {
      add_scaled_values(all, s.kv->scales(values) + from, block.rows, scores,
                        sums);
    } else {
      multiply_kv_panels(all, block.rows, scores, true, sums);
    }
  }

  // Scales of `count` positions: they lie apart from what is read from one end
  // to the other, and would be waited for.
  static void fetch_scales(const std::uint16_t* scales, int count, int padded) {
    for (int group = 0; group < scale_groups(padded); ++group) {
      fetch(reinterpret_cast<const std::byte*>(scales),
            count * static_cast<std::int64_t>(sizeof *scales));
      scales += kPagePositions;
    }
  }

  // The weights go to each 32 dimensions times the scales of these.
  static void add_scaled_values(KvPanelRun panels, const std::uint16_t* scales,
                                int rows, const float* weights, float* sums) {
    constexpr int kPanels = kTurnedDimensions / kKvLanes;
    alignas(64) float scaled[kQueryRows * kQueryStride];
    const int count = static_cast<int>(round_to_lanes(panels.columns));
    const int all = panels.count;
    for (int p = 0; p < all; p += kPanels) {
      for (int r = 0; r < rows; ++r) {
        multiply_values(scales, weights + r * kQueryStride, count,
                        scaled + r * kQueryStride);
      }
      panels.count = std::min(kPanels, all - p);
      multiply_kv_panels(panels, rows, scaled, true, sums + p * kKvLanes);
      panels.first += kPanels * panels.bytes;
      scales += kPagePositions;
    }
  }

  // What a score changes by for where its key and its query stand. The first
  // one is of the key at position `key`.
  void add_placement(int head, std::int64_t key, std::int64_t query, int count,
                     float* scores) const {
    if (shape_.slopes != nullptr) {
      add_slope(shape_.slopes[head], key, query, count, scores);
    }
    if (shape_.distance_scores == nullptr) return;
    const std::int64_t reach = shape_.reach;
    const float* middle =
        shape_.distance_scores + head * (2 * reach + 1) + reach;
    for (int i = 0; i < count; ++i) {
      scores[i] += middle[std::clamp(key - query + i, -reach, reach)];
    }
  }

  void add_slope(float slope, std::int64_t key, std::int64_t query, int count,
                 float* scores) const {
    for (int i = 0; i < count; ++i) {
      if (shape_.rounds_slopes) {
        const float product =
            slope * round_to_bf16(static_cast<float>(key + i));
        scores[i] += shape_.scale * round_to_bf16(product);
      } else {
        scores[i] += slope * static_cast<float>(key - query + i);
      }
    }
  }

  static float round_to_bf16(float value) {
    return bf16_to_float(float_to_bf16(value));
  }

  static std::int64_t round_to_lanes(std::int64_t n) {
    return (n + kKvLanes - 1) / kKvLanes * kKvLanes;
  }

  void write(const QueryBlock& block, int row, const float* sum,
             float weights) const {
    float* out = output_of(shape_, *block.sequence, token_of(block, row),
                           head_of(block, row));
    float turned[kMaxHeadSize];
    if (is_turned(block)) {
      const int padded = block.sequence->kv->padded_head_size();
      std::copy_n(sum, padded, turned);
      turn_back(turned, padded);
      sum = turned;
    }
    const float factor = weights == 0 ? 0.0f : 1.0f / weights;
    for (int i = 0; i < shape_.head_size; ++i) out[i] = sum[i] * factor;
  }

  const AttentionShape& shape_;
};

// A unit is one row of each set, of which there are kQueryRows at most.
void merge_pages(ThreadPool& pool, const Attention& work,
                 const AttentionPlan& plan, const float* partials,
                 std::int64_t stride) {
  constexpr std::int64_t kPages = 32;  // that are worth a thread
  const auto sets = static_cast<std::int64_t>(plan.rows_begin.size()) - 1;
  const std::int64_t pages =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(plan.blocks.size()) /
                                    std::max<std::int64_t>(1, sets));
  pool.parallel_for(
      sets * kQueryRows, std::max<std::int64_t>(1, kPages / pages),
      [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) {
          const auto set = static_cast<std::size_t>(i / kQueryRows);
          const int row = static_cast<int>(i % kQueryRows);
          const std::span<const QueryBlock> blocks(
              plan.blocks.data() + plan.rows_begin[set],
              plan.rows_begin[set + 1] - plan.rows_begin[set]);
          if (blocks[0].partial < 0 || row >= blocks[0].rows) continue;
          work.merge(blocks, row, partials, stride);
        }
      });
}

}  // namespace

void attention(ThreadPool& pool, AttentionScratch& scratch,
               const AttentionShape& shape,
               std::span<const AttentionSequence> sequences) {
  const Attention work(shape);
  const AttentionPlan plan = plan_attention(shape, sequences, pool.size());
  const std::int64_t stride = kKvLanes + kMaxHeadSize;
  scratch.partials.resize(static_cast<std::size_t>(plan.partial_rows * stride) *
                          sizeof(float));
  auto* partials = scratch.partials.as<float>();
  const auto count = static_cast<std::int64_t>(plan.blocks.size());
  pool.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      // The last blocks of a prompt see most: start with them.
      work.run(plan.blocks[static_cast<std::size_t>(count - 1 - i)], partials,
               stride);
    }
  });
  if (plan.partial_rows == 0) return;
  merge_pages(pool, work, plan, partials, stride);
}

}  // namespace abstractllm::ops::cpu
