// Cuts attention into blocks that keep all threads busy.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/attention_plan.h"

#include <algorithm>

#include "ops/cpu/attention_kernels.h"

namespace abstractllm::ops::cpu {

std::int64_t first_seen(const AttentionShape& shape, const AttentionSequence& s,
                        std::int64_t token) {
  if (shape.window == 0) return 0;
  const std::int64_t position = s.kv->length() - s.tokens + token;
  const std::int64_t first =
      shape.chunked ? position - position % shape.window
                    : std::max<std::int64_t>(0, position - shape.window + 1);
  return s.sees_from == nullptr
             ? first
             : std::min<std::int64_t>(first, s.sees_from[token]);
}

std::int64_t end_seen(const AttentionShape& shape, const AttentionSequence& s,
                      std::int64_t token) {
  const std::int64_t length = s.kv->length();
  const std::int64_t position = length - s.tokens + token;
  if (shape.bidirectional && shape.window > 0) {
    return std::min(length, position + shape.window);
  }
  if (!s.causal || shape.bidirectional) return length;
  return s.sees_to == nullptr
             ? position + 1
             : std::max<std::int64_t>(position + 1, s.sees_to[token]);
}

AttentionPlan plan_attention(const AttentionShape& shape,
                             std::span<const AttentionSequence> sequences,
                             int threads) {
  AttentionPlan plan;
  std::int64_t sets = 0;
  const int group = shape.heads / shape.kv_heads;
  for (const AttentionSequence& s : sequences) {
    sets += (s.tokens * group + kQueryRows - 1) / kQueryRows * shape.kv_heads;
  }
  // With fewer sets of rows than keep all threads busy to the end, the context
  // is cut, too.
  const bool cut = threads > 1 && sets < 4 * threads;
  for (const AttentionSequence& s : sequences) {
    const std::int64_t rows = s.tokens * group;
    for (int head = 0; head < shape.kv_heads; ++head) {
      for (std::int64_t row = 0; row < rows; row += kQueryRows) {
        const int height =
            static_cast<int>(std::min<std::int64_t>(kQueryRows, rows - row));
        const std::int64_t begin = first_seen(shape, s, row / group);
        const std::int64_t end = end_seen(shape, s, (row + height - 1) / group);
        const bool whole = !cut || end <= page_end(begin);
        plan.rows_begin.push_back(plan.blocks.size());
        for (std::int64_t p = begin; p < end;) {
          const std::int64_t stop = whole ? end : std::min(end, page_end(p));
          plan.blocks.push_back(
              {&s, head, row, height, p, stop, whole ? -1 : plan.partial_rows});
          if (!whole) plan.partial_rows += height;
          p = stop;
        }
      }
    }
  }
  plan.rows_begin.push_back(plan.blocks.size());
  return plan;
}

}  // namespace abstractllm::ops::cpu
