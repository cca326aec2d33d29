// Attention within a stretch: rows of queries times panels of keys, softmax,
// times panels of values.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/stretch_attention.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ops/cpu/kv_slab.h"
#include "ops/cpu/stretch_kernels.h"

namespace abstractllm::ops::cpu {
namespace {

// Keys are panels of 16 positions, [pair of dimensions][16]; values panels of
// 16 dimensions, [pair of positions][16]; queries blocks of 8 rows,
// [32 dimensions][8][32]. All are padded with zeros, tokens to whole pairs of
// panels.
class StretchAttention {
 public:
  StretchAttention(const Bf16Kernels& kernels, StretchScratch& scratch,
                   const Stretch& stretch)
      : kernels_(kernels),
        s_(stretch),
        tokens_(round_up(stretch.tokens, kPairColumns)),
        row_values_(round_up(stretch.head_size, kTileColumns)),
        key_words_(round_up(stretch.head_size, 2) / 2 * kPanelRows),
        value_panels_((stretch.head_size + kPanelRows - 1) / kPanelRows) {
    const auto bytes = [&](std::int64_t words) {
      return static_cast<std::size_t>(s_.heads * words) * sizeof(std::uint32_t);
    };
    scratch.queries.resize(bytes(tokens_ * row_values_ / 2));
    scratch.keys.resize(bytes(head_key_words()));
    scratch.values.resize(bytes(head_value_words()));
    queries_ = scratch.queries.as<std::uint16_t>();
    keys_ = scratch.keys.as<std::uint32_t>();
    values_ = scratch.values.as<std::uint32_t>();
  }

  std::int64_t groups() const { return tokens_ / kStretchRows; }

  /// Writes the panels and blocks of a head that begin at tokens of `group`.
  void lay_out(int head, std::int64_t group) const {
    const std::int64_t first = group * kStretchRows;
    for (std::int64_t token = first; token < first + kStretchRows; token += 2) {
      store_queries(head, token);
      store_queries(head, token + 1);
      store_values(head, token);
    }
    for (std::int64_t token = first; token < first + kStretchRows;
         token += kPanelRows) {
      store_keys(head, token);
    }
  }

  /// Attends with the rows of `group` to all positions.
  void run(int head, std::int64_t group) const {
    alignas(64) float scores[kStretchPositions / kPairColumns * kPairFloats];
    alignas(64) float sums[kMaxHeadSize / kPairColumns * kPairFloats];
    alignas(64) std::uint16_t weights[kStretchRows * kStretchPositions];
    float largest[kStretchRows];
    float weight_sums[kStretchRows] = {};
    std::fill_n(largest, kStretchRows, -std::numeric_limits<float>::max());
    std::fill_n(sums, value_pairs() * kPairFloats, 0.0f);
    const std::int64_t first = group * kStretchRows;
    const auto rows = static_cast<int>(
        std::min<std::int64_t>(kStretchRows, s_.tokens - first));
    for (std::int64_t p = 0; p < s_.tokens; p += kStretchPositions) {
      const auto count = static_cast<int>(
          std::min<std::int64_t>(kStretchPositions, s_.tokens - p));
      multiply_keys(head, first, p, count, scores);
      for (int r = 0; r < kStretchRows; ++r) {
        std::uint16_t* to =
            weights + r / kMaxBlockRows * kMaxBlockRows * kStretchPositions +
            r % kMaxBlockRows * kPairColumns;
        const auto seen = static_cast<int>(
            std::clamp<std::int64_t>(end_seen(first + r) - p, 0, count));
        const float factor = weigh_row(scores + r * kPairColumns, count, seen,
                                       largest[r], weight_sums[r], to);
        if (factor != 1.0f) {
          scale_sums(factor, value_pairs(), sums + r * kPairColumns);
        }
      }
      multiply_values(head, p, count, weights, sums);
    }
    for (int r = 0; r < rows; ++r) {
      write(head, first + r, sums + r * kPairColumns, weight_sums[r]);
    }
  }

 private:
  // Positions that a token sees.
  std::int64_t end_seen(std::int64_t token) const {
    const std::int64_t others = s_.tokens - s_.padding;
    return token < others ? s_.tokens : others;
  }
  std::int64_t head_key_words() const {
    return tokens_ / kPanelRows * key_words_;
  }
  std::int64_t value_words() const { return tokens_ / 2 * kPanelRows; }
  std::int64_t head_value_words() const {
    return value_panels_ * value_words();
  }
  int value_pairs() const { return (value_panels_ + 1) / kGemmPanels; }

  // A head of a token of `x` in `out`, with zeros behind it.
  void load(const float* x, int head, std::int64_t token, bool turns,
            float* out) const {
    const int padded = static_cast<int>(row_values_);
    if (token >= s_.tokens) {
      std::fill_n(out, padded, 0.0f);
      return;
    }
    const float* from = x + (token * s_.heads + head) * s_.head_size;
    if (turns && (s_.turn.norm != nullptr || s_.turn.rope.cos != nullptr)) {
      transform_head(from, s_.head_size, token, s_.turn, out);
    } else {
      std::copy_n(from, s_.head_size, out);
    }
    std::fill(out + s_.head_size, out + padded, 0.0f);
  }

  void store_queries(int head, std::int64_t token) const {
    alignas(64) float row[kMaxHeadSize];
    load(s_.q, head, token, true, row);
    const std::int64_t in_block = token % kMaxBlockRows;
    std::uint16_t* to = queries_ +
                        (head * tokens_ + token - in_block) * row_values_ +
                        in_block * kTileColumns;
    for (std::int64_t c = 0; c < row_values_; c += kTileColumns) {
      store_rounded(row + c, s_.scale, kTileColumns, to + c * kMaxBlockRows);
    }
  }

  void store_keys(int head, std::int64_t token) const {
    alignas(64) float row[kMaxHeadSize];
    std::uint16_t rows[kPanelRows][kMaxHeadSize];
    for (int r = 0; r < kPanelRows; ++r) {
      load(s_.k, head, token + r, true, row);
      store_rounded(row, 1.0f, static_cast<int>(row_values_), rows[r]);
    }
    std::uint32_t* to =
        keys_ + head * head_key_words() + token / kPanelRows * key_words_;
    for (std::int64_t c = 0; c < s_.head_size; c += 2, to += kPanelRows) {
      for (int r = 0; r < kPanelRows; ++r) {
        std::memcpy(to + r, &rows[r][c], sizeof(std::uint32_t));
      }
    }
  }

  void store_values(int head, std::int64_t token) const {
    alignas(64) float even[kMaxHeadSize];
    alignas(64) float odd[kMaxHeadSize];
    load(s_.v, head, token, false, even);
    load(s_.v, head, token + 1, false, odd);
    store_pairs(even, odd, value_panels_ * kPanelRows, value_words(),
                values_ + head * head_value_words() + token / 2 * kPanelRows);
  }

  void multiply_keys(int head, std::int64_t row, std::int64_t position,
                     int count, float* scores) const {
    const Bf16Rows queries = {queries_ + (head * tokens_ + row) * row_values_,
                              row_values_, kStretchRows};
    const std::uint32_t* keys =
        keys_ + head * head_key_words() + position / kPanelRows * key_words_;
    for (int i = 0; i < count; i += kPairColumns, scores += kPairFloats) {
      const std::uint8_t* panels[kGemmPanels] = {
          reinterpret_cast<const std::uint8_t*>(keys),
          reinterpret_cast<const std::uint8_t*>(keys + key_words_)};
      std::fill_n(scores, kPairFloats, 0.0f);
      kernels_.multiply(queries, panels, kGemmPanels, 0, s_.head_size, scores);
      keys += kGemmPanels * key_words_;
    }
  }

  void multiply_values(int head, std::int64_t position, int count,
                       const std::uint16_t* weights, float* sums) const {
    const Bf16Rows rows = {weights, kStretchPositions, kStretchRows};
    // Weights behind the last position are zeros to the end of their tile.
    const std::int64_t columns = round_up(count, kTileColumns);
    const std::uint32_t* values =
        values_ + head * head_value_words() + position / 2 * kPanelRows;
    for (int p = 0; p < value_panels_; p += kGemmPanels, sums += kPairFloats) {
      const int last = std::min(p + 1, value_panels_ - 1);
      const std::uint8_t* panels[kGemmPanels] = {
          reinterpret_cast<const std::uint8_t*>(values + p * value_words()),
          reinterpret_cast<const std::uint8_t*>(values + last * value_words())};
      kernels_.multiply(rows, panels, kGemmPanels, 0, columns, sums);
    }
  }

  void write(int head, std::int64_t token, const float* sums,
             float weight_sum) const {
    float* out = s_.out + (token * s_.heads + head) * s_.head_size;
    const float factor = 1.0f / weight_sum;
    for (int i = 0; i < s_.head_size; ++i) {
      out[i] = sums[i / kPairColumns * kPairFloats + i % kPairColumns] * factor;
    }
  }

  const Bf16Kernels& kernels_;
  const Stretch& s_;
  std::int64_t tokens_;      // padded
  std::int64_t row_values_;  // of a head of queries
  std::int64_t key_words_;   // of a panel of keys
  int value_panels_;
  std::uint16_t* queries_;
  std::uint32_t* keys_;
  std::uint32_t* values_;
};

}  // namespace

void attend_stretch(ThreadPool& pool, const Bf16Kernels& kernels,
                    StretchScratch& scratch, const Stretch& stretch) {
  if (stretch.tokens <= 0) return;
  const StretchAttention work(kernels, scratch, stretch);
  const std::int64_t groups = work.groups();
  pool.parallel_for(stretch.heads * groups, 1,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        work.lay_out(static_cast<int>(i / groups), i % groups);
                      }
                    });
  pool.parallel_for(stretch.heads * groups, 1,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        work.run(static_cast<int>(i / groups), i % groups);
                      }
                    });
}

}  // namespace abstractllm::ops::cpu
