// Attention in bf16: goes through the pages that sets of rows see, laid out as
// the kernels of bf16 read them.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/rounded_attention.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "ops/cpu/attention_plan.h"
#include "ops/cpu/dense_kernels.h"
#include "ops/cpu/kv_store.h"
#include "ops/cpu/rounded_attention_kernels.h"
#include "ops/cpu/stretch_kernels.h"

namespace abstractllm::ops::cpu {
namespace {

constexpr int kGroupRows = kStretchRows;
/// Most rows that share a page once it is laid out: with two pages of the
/// largest heads their sums still fit into the second-level cache.
constexpr int kMostRows = 256;
constexpr int kPageTiles = kPagePositions / kPairColumns;
static_assert(kMostRows % kGroupRows == 0 && kGroupRows % kMaxBlockRows == 0);

/// Rows of one key-value head of a sequence; a row is a token and one of the
/// heads that share the key-value head.
struct RowSet {
  const AttentionSequence* sequence;
  int kv_head;
  std::int64_t first_row;
  int rows;
};

/// The memory of a thread. Keys are panels of 16 positions,
/// [pair of dimensions][16]; values panels of 16 dimensions,
/// [pair of positions][16]; sums [group of rows][pair of panels][row][32].
struct Workspace {
  std::uint32_t* keys;
  std::uint32_t* values;
  std::uint16_t* queries;
  float* sums;
  float* scores;           // of a group
  std::uint16_t* weights;  // of a group
};

class RoundedAttention {
 public:
  RoundedAttention(const Bf16Kernels& kernels, const AttentionShape& shape)
      : kernels_(kernels),
        shape_(shape),
        group_(shape.heads / shape.kv_heads),
        row_values_(round_up(shape.head_size, kTileColumns)),
        key_words_(round_up(shape.head_size, kKvLanes) / 2 * kKvLanes),
        value_panels_((shape.head_size + kKvLanes - 1) / kKvLanes),
        value_pairs_((value_panels_ + 1) / kGemmPanels) {}

  std::size_t workspace_bytes() const {
    const std::int64_t page = kPagePositions / kKvLanes * key_words_ * 4;
    return static_cast<std::size_t>(
        2 * page + kMostRows * row_values_ * 2 +
        kMostRows / kGroupRows * value_pairs_ * kPairFloats * 4 +
        kPageTiles * kPairFloats * 4 + kGroupRows * kPagePositions * 2);
  }

  Workspace workspace(std::byte* memory) const {
    const auto take = [&](std::int64_t bytes) {
      std::byte* part = memory;
      memory += bytes;
      return part;
    };
    const std::int64_t page = kPagePositions / kKvLanes * key_words_ * 4;
    Workspace w;
    w.keys = reinterpret_cast<std::uint32_t*>(take(page));
    w.values = reinterpret_cast<std::uint32_t*>(take(page));
    w.queries =
        reinterpret_cast<std::uint16_t*>(take(kMostRows * row_values_ * 2));
    w.sums = reinterpret_cast<float*>(
        take(kMostRows / kGroupRows * value_pairs_ * kPairFloats * 4));
    w.scores = reinterpret_cast<float*>(take(kPageTiles * kPairFloats * 4));
    w.weights =
        reinterpret_cast<std::uint16_t*>(take(kGroupRows * kPagePositions * 2));
    return w;
  }

  /// The sets of a call, those that see most first.
  std::vector<RowSet> plan(std::span<const AttentionSequence> sequences,
                           int threads) const {
    std::int64_t groups = 0;
    for (const AttentionSequence& s : sequences) {
      groups += (s.tokens * group_ + kGroupRows - 1) / kGroupRows;
    }
    const std::int64_t size = std::clamp<std::int64_t>(
        groups * shape_.kv_heads / (8 * threads) * kGroupRows, kGroupRows,
        kMostRows);
    std::vector<RowSet> sets;
    for (const AttentionSequence& s : sequences) {
      const std::int64_t rows = s.tokens * group_;
      for (std::int64_t row = (rows - 1) / size * size; row >= 0; row -= size) {
        const auto height = static_cast<int>(std::min(size, rows - row));
        for (int head = 0; head < shape_.kv_heads; ++head) {
          sets.push_back({&s, head, row, height});
        }
      }
    }
    return sets;
  }

  void run(const RowSet& set, const Workspace& w) const {
    SoftmaxState states[kMostRows];
    start(set, w, states);
    const AttentionSequence& s = *set.sequence;
    const std::int64_t begin = first_seen(shape_, s, set.first_row / group_);
    const std::int64_t end =
        end_seen(shape_, s, (set.first_row + set.rows - 1) / group_);
    for (std::int64_t p = begin; p < end;) {
      const std::int64_t stop = std::min(end, page_end(p));
      add_page(set, p, stop, w, states);
      p = stop;
    }
    for (int r = 0; r < set.rows; ++r) write(set, r, w, states[r].sum);
  }

 private:
  // Rows of a set and the columns of a page that they see.
  struct Group {
    int first_row;
    int rows;
    std::int64_t page;  // its first position
    int from;
    int to;
  };

  std::int64_t token_of(const RowSet& set, int row) const {
    return (set.first_row + row) / group_;
  }
  int head_of(const RowSet& set, int row) const {
    return set.kv_head * group_ +
           static_cast<int>((set.first_row + row) % group_);
  }
  // Keys and values of int8 are turned (kv_store.h): so are then queries and
  // sums, with zeros up to whole vectors.
  static bool is_turned(const RowSet& set) {
    return set.sequence->kv->options().type == KvType::kInt8;
  }
  int dimensions(const RowSet& set) const {
    return is_turned(set) ? set.sequence->kv->padded_head_size()
                          : shape_.head_size;
  }
  float* sums_of(const Workspace& w, int first_row) const {
    return w.sums + first_row / kGroupRows * value_pairs_ * kPairFloats;
  }

  void start(const RowSet& set, const Workspace& w,
             SoftmaxState* states) const {
    const int groups = (set.rows + kGroupRows - 1) / kGroupRows;
    std::fill_n(w.sums, groups * value_pairs_ * kPairFloats, 0.0f);
    for (int r = 0; r < set.rows; ++r) {
      states[r] = {-std::numeric_limits<float>::infinity(), 0.0f};
      // Weight that goes to no value.
      if (shape_.sinks != nullptr) {
        states[r] = {shape_.sinks[head_of(set, r)], 1.0f};
      }
    }
    for (int r = 0; r < set.rows;) {
      const int height = block_height(set.rows - r);
      load_queries(set, r, height, w.queries + r * row_values_);
      r += height;
    }
  }

  void load_queries(const RowSet& set, int row, int height,
                    std::uint16_t* out) const {
    alignas(64) float block[kMaxBlockRows * kMaxHeadSize];
    for (int r = 0; r < height; ++r) {
      const float* from = query_of(
          shape_, *set.sequence, token_of(set, row + r), head_of(set, row + r));
      float* to = block + r * kMaxHeadSize;
      for (int i = 0; i < shape_.head_size; ++i) to[i] = from[i] * shape_.scale;
      if (!is_turned(set)) continue;
      std::fill(to + shape_.head_size, to + dimensions(set), 0.0f);
      turn_head(to, dimensions(set));
    }
    round_block(block, kMaxHeadSize, height, dimensions(set), out);
  }

  // Lays columns [from, to) of the page at `position` out, from a multiple of
  // 32 to one of 16.
  void lay_out(const RowSet& set, std::int64_t position, int from, int to,
               const Workspace& w) const {
    const KvSlab& kv = *set.sequence->kv;
    const KvType type = kv.options().type;
    const std::int64_t key_block =
        std::int64_t{kv.padded_head_size()} * kKvLanes * kv_bytes(type);
    const std::byte* keys = kv.keys(set.kv_head, position);
    const std::uint16_t* scales = is_turned(set) ? kv.scales(keys) : nullptr;
    for (int block = from / kKvLanes; block < to / kKvLanes; ++block) {
      round_key_pairs(type, keys + block * key_block, dimensions(set),
                      is_turned(set) ? scales + block * kKvLanes : nullptr,
                      w.keys + block * key_words_);
    }
    const std::int64_t vector = std::int64_t{kKvLanes} * kv_bytes(type);
    const std::byte* values = kv.values(set.kv_head, position);
    if (is_turned(set)) scales = kv.scales(values);
    for (int panel = 0; panel < value_panels_; ++panel) {
      const int group = panel * kKvLanes / kTurnedDimensions;
      round_value_pairs(
          type, values + (panel * kPagePositions + from) * vector, to - from,
          is_turned(set) ? scales + group * kPagePositions + from : nullptr,
          w.values + (panel * kPagePositions + from) / 2 * kKvLanes);
    }
  }

  // Positions [begin, end) of one page.
  void add_page(const RowSet& set, std::int64_t begin, std::int64_t end,
                const Workspace& w, SoftmaxState* states) const {
    const AttentionSequence& s = *set.sequence;
    const std::int64_t page = begin / kPagePositions * kPagePositions;
    lay_out(set, begin,
            static_cast<int>(begin - page) / kPairColumns * kPairColumns,
            static_cast<int>(round_up(end - page, kKvLanes)), w);
    for (int r = 0; r < set.rows; r += kGroupRows) {
      const int rows = std::min(kGroupRows, set.rows - r);
      const std::int64_t from =
          std::max(begin, first_seen(shape_, s, token_of(set, r)));
      const std::int64_t to =
          std::min(end, end_seen(shape_, s, token_of(set, r + rows - 1)));
      if (from >= to) continue;
      add_group(set,
                {.first_row = r,
                 .rows = rows,
                 .page = page,
                 .from = static_cast<int>(from - page),
                 .to = static_cast<int>(to - page)},
                w, states);
    }
  }

  void add_group(const RowSet& set, const Group& g, const Workspace& w,
                 SoftmaxState* states) const {
    multiply_keys(g, dimensions(set), w);
    const int first = g.from / kPairColumns * kPairColumns;
    const std::int64_t length = set.sequence->kv->length();
    for (int r = 0; r < g.rows;) {
      const int height = block_height(g.rows - r);
      std::uint16_t* block = w.weights + r * kPagePositions + first * height;
      for (int i = 0; i < height; ++i, ++r) {
        const int row = g.first_row + r;
        const std::int64_t token = token_of(set, row);
        const float factor = weigh_scores(
            {.scores = w.scores + r * kPairColumns,
             .count = static_cast<int>(round_up(g.to - first, kPairColumns)),
             .begin = seen(g, first, first_seen(shape_, *set.sequence, token)),
             .end = seen(g, first, end_seen(shape_, *set.sequence, token)),
             .softcap = shape_.softcap,
             .slope = shape_.slopes == nullptr
                          ? 0.0f
                          : shape_.slopes[head_of(set, row)],
             .distance = static_cast<float>(g.page + first - length +
                                            set.sequence->tokens - token)},
            states[row], block + i * kPairColumns, height * kPairColumns);
        if (factor != 1.0f) {
          scale_sums(factor, value_pairs_,
                     sums_of(w, g.first_row) + r * kPairColumns);
        }
      }
    }
    multiply_values(g, first, w);
  }

  // A position as an index of the scores from column `first` on.
  static int seen(const Group& g, int first, std::int64_t position) {
    return static_cast<int>(
               std::clamp<std::int64_t>(position - g.page, g.from, g.to)) -
           first;
  }

  // -> scores [tile from that of `from` on][row][32]
  void multiply_keys(const Group& g, int dimensions, const Workspace& w) const {
    const Bf16Rows queries = {w.queries + g.first_row * row_values_,
                              row_values_, g.rows};
    const int last = (g.to - 1) / kKvLanes;
    float* scores = w.scores;
    for (int block = g.from / kPairColumns * kGemmPanels; block <= last;
         block += kGemmPanels, scores += kPairFloats) {
      // Blocks beside those that are seen may be anything: the scores are
      // masked.
      const int other = std::min(block + 1, last);
      const std::uint8_t* panels[kGemmPanels] = {
          reinterpret_cast<const std::uint8_t*>(w.keys + block * key_words_),
          reinterpret_cast<const std::uint8_t*>(w.keys + other * key_words_)};
      std::fill_n(scores, g.rows * kPairColumns, 0.0f);
      kernels_.multiply(queries, panels, kGemmPanels, 0, dimensions, scores);
    }
  }

  void multiply_values(const Group& g, int first, const Workspace& w) const {
    const Bf16Rows rows = {w.weights, kPagePositions, g.rows};
    const std::int64_t columns = round_up(g.to, 2) - first;
    float* sums = sums_of(w, g.first_row);
    const auto panel = [&](int index) {
      return reinterpret_cast<const std::uint8_t*>(
          w.values + (index * kPagePositions + first) / 2 * kKvLanes);
    };
    for (int p = 0; p < value_panels_; p += kGemmPanels, sums += kPairFloats) {
      const std::uint8_t* panels[kGemmPanels] = {
          panel(p), panel(std::min(p + 1, value_panels_ - 1))};
      kernels_.multiply(rows, panels, kGemmPanels, first, columns, sums);
    }
  }

  void write(const RowSet& set, int row, const Workspace& w,
             float weights) const {
    float* out =
        output_of(shape_, *set.sequence, token_of(set, row), head_of(set, row));
    const float factor = weights == 0 ? 0.0f : 1.0f / weights;
    const float* sums = sums_of(w, row) + row % kGroupRows * kPairColumns;
    const int size = dimensions(set);
    alignas(64) float whole[kMaxHeadSize];
    for (int i = 0; i < size; i += kPairColumns, sums += kPairFloats) {
      std::copy_n(sums, std::min(kPairColumns, size - i), whole + i);
    }
    if (is_turned(set)) turn_back(whole, size);
    for (int i = 0; i < shape_.head_size; ++i) out[i] = whole[i] * factor;
  }

  const Bf16Kernels& kernels_;
  const AttentionShape& shape_;
  int group_;
  std::int64_t row_values_;  // of a row of queries
  std::int64_t key_words_;   // of a panel of keys
  int value_panels_;
  int value_pairs_;
};

}  // namespace

void rounded_attention(ThreadPool& pool, const Bf16Kernels& kernels,
                       RoundedAttentionScratch& scratch,
                       const AttentionShape& shape,
                       std::span<const AttentionSequence> sequences) {
  const RoundedAttention work(kernels, shape);
  const std::vector<RowSet> sets = work.plan(sequences, pool.size());
  const std::size_t bytes = work.workspace_bytes();
  scratch.buffers.resize(bytes * static_cast<std::size_t>(pool.size()));
  pool.parallel_for(
      static_cast<std::int64_t>(sets.size()), 1,
      [&](std::int64_t begin, std::int64_t end, int slot) {
        const Workspace w = work.workspace(
            scratch.buffers.data() + static_cast<std::size_t>(slot) * bytes);
        for (std::int64_t i = begin; i < end; ++i) {
          work.run(sets[static_cast<std::size_t>(i)], w);
        }
      });
}

}  // namespace abstractllm::ops::cpu
