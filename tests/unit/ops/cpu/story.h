// A sequence with all its keys and values, and attention in double precision.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "ops/cpu/attention.h"
#include "ops/cpu/half.h"
#include "ops/cpu/kv_store.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu::testing {

/// Values as integers up to 127 times a scale of bf16 that is large enough.
inline void round_group(std::span<float> values) {
  float limit = 0;
  for (const float value : values) limit = std::max(limit, std::fabs(value));
  std::uint16_t bits = float_to_bf16(limit / 127.0f);
  while (bf16_to_float(bits) < limit / 127.0f) ++bits;
  const float scale = bf16_to_float(bits);
  for (float& value : values) {
    value = std::nearbyint(value * (1.0f / scale)) * scale;
  }
}

/// What a cache of `type` keeps of heads of `size` values.
inline void round_heads(KvType type, int size, std::vector<float>& values) {
  if (type == KvType::kInt8) {
    const int padded = (size + kKvLanes - 1) / kKvLanes * kKvLanes;
    for (auto head = values.begin(); head != values.end(); head += size) {
      std::vector<float> turned(static_cast<std::size_t>(padded));
      std::copy_n(head, size, turned.begin());
      turn_head(turned.data(), padded);
      for (int i = 0; i < padded; i += kTurnedDimensions) {
        round_group(std::span(turned).subspan(
            static_cast<std::size_t>(i),
            static_cast<std::size_t>(std::min(kTurnedDimensions, padded - i))));
      }
      turn_back(turned.data(), padded);
      std::copy_n(turned.begin(), size, head);
    }
    return;
  }
  for (float& value : values) {
    if (type == KvType::kF16) value = f16_to_float(float_to_f16(value));
    if (type == KvType::kBF16) value = bf16_to_float(float_to_bf16(value));
  }
}

/// See above. Tokens see what `shape` and `causal` let them.
struct Story {
  AttentionShape shape;
  KvSlab slab;
  std::vector<float> k;  // [positions, kv_heads, head_size], as stored
  std::vector<float> v;
  std::vector<float> q;  // of the new tokens
  std::int64_t tokens;
  bool causal = true;
  std::vector<std::int32_t> sees_from;  // of each new token, or none
  std::vector<std::int32_t> sees_to;

  const std::int32_t* from() const {
    return sees_from.empty() ? nullptr : sees_from.data();
  }
  const std::int32_t* to() const {
    return sees_to.empty() ? nullptr : sees_to.data();
  }

  Story(ThreadPool& pool, const AttentionShape& s, KvType type,
        std::int64_t past, std::int64_t new_tokens, unsigned seed)
      : shape(s),
        slab({.heads = s.kv_heads,
              .head_size = s.head_size,
              .type = type,
              .window = s.bidirectional ? 0 : s.window}),
        tokens(new_tokens) {
    const std::int64_t width = std::int64_t{s.kv_heads} * s.head_size;
    k = random_values((past + new_tokens) * width, seed);
    v = random_values((past + new_tokens) * width, seed + 1);
    q = random_values(new_tokens * s.heads * s.head_size, seed + 2, 2.0f);
    // The past comes in uneven steps.
    std::int64_t done = 0;
    for (std::int64_t step = 1; done < past; step = step * 3 + 1) {
      const std::int64_t n = std::min(step, past - done);
      slab.append(pool, {.k = k.data() + done * width,
                         .v = v.data() + done * width,
                         .tokens = n});
      done += n;
    }
    slab.append(pool, {.k = k.data() + done * width,
                       .v = v.data() + done * width,
                       .tokens = new_tokens});
    round_heads(type, s.head_size, k);
    round_heads(type, s.head_size, v);
  }

  std::vector<double> truth() const {
    std::vector<double> out(q.size());
    const int group = shape.heads / shape.kv_heads;
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (int h = 0; h < shape.heads; ++h) {
        one_head(t, h, h / group, out.data());
      }
    }
    return out;
  }

 private:
  void one_head(std::int64_t t, int head, int kv_head, double* out) const {
    const int size = shape.head_size;
    const std::int64_t length = slab.length();
    const std::int64_t position = length - tokens + t;
    std::int64_t first = 0;
    if (shape.window != 0) {
      first = shape.chunked
                  ? position / shape.window * shape.window
                  : std::max<std::int64_t>(0, position - shape.window + 1);
      if (from() != nullptr) first = std::min<std::int64_t>(first, from()[t]);
    }
    std::int64_t end = causal && !shape.bidirectional ? position + 1 : length;
    if (shape.bidirectional && shape.window > 0) {
      end = std::min(length, position + shape.window);
    }
    if (to() != nullptr) end = std::max<std::int64_t>(end, to()[t]);
    const float* query = q.data() + (t * shape.heads + head) * size;
    std::vector<double> weights;
    double largest = shape.sinks != nullptr ? shape.sinks[head] : -1e300;
    for (std::int64_t p = first; p < end; ++p) {
      const float* key = k.data() + (p * shape.kv_heads + kv_head) * size;
      double score = 0;
      for (int i = 0; i < size; ++i)
        score += static_cast<double>(query[i]) * key[i];
      score *= shape.scale;
      if (shape.slopes != nullptr) {
        score += shape.slopes[head] * static_cast<double>(p - position);
      }
      if (shape.softcap != 0) {
        score = shape.softcap * std::tanh(score / shape.softcap);
      }
      weights.push_back(score);
      largest = std::max(largest, score);
    }
    double sum =
        shape.sinks != nullptr ? std::exp(shape.sinks[head] - largest) : 0;
    for (double& w : weights) sum += w = std::exp(w - largest);
    for (int i = 0; i < size; ++i) {
      double total = 0;
      for (std::int64_t p = first; p < end; ++p) {
        total += weights[static_cast<std::size_t>(p - first)] *
                 v[static_cast<std::size_t>(
                     (p * shape.kv_heads + kv_head) * size + i)];
      }
      out[(t * shape.heads + head) * size + i] = total / sum;
    }
  }
};

inline AttentionShape shape_of(int heads, int kv_heads, int head_size) {
  return {.heads = heads,
          .kv_heads = kv_heads,
          .head_size = head_size,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_size))};
}

/// How much keys and values may stand out, and how far results may then be off.
inline constexpr std::pair<float, double> kOutlierBounds[] = {
    {0.0f, 0.012}, {20.0f, 0.02}, {100.0f, 0.05}};

/// The error of `attend` over the size of its result, in int8 and against
/// numbers that were never rounded, where two of 128 dimensions of every key
/// and one of every value are `height` off.
template <typename Attend>
double error_with_outliers(ThreadPool& pool, float height, Attend&& attend) {
  constexpr std::int64_t kSize = 128;
  constexpr std::int64_t kTokens = 512;
  Story story(pool, shape_of(2, 1, kSize), KvType::kInt8, 0, kTokens, 3);
  story.k = random_values(kTokens * kSize, 5);
  story.v = random_values(kTokens * kSize, 6);
  for (std::int64_t t = 0; t < kTokens; ++t) {
    const auto at = static_cast<std::size_t>(t * kSize);
    story.k[at + 5] += height;
    story.k[at + 77] -= height;
    story.v[at + 40] += 0.1f * height;
  }
  // As models do, whose scores these dimensions do not rule alone.
  for (std::size_t at = 0; at < story.q.size(); at += kSize) {
    story.q[at + 5] *= 0.1f;
    story.q[at + 77] *= 0.1f;
  }
  story.slab = KvSlab({.heads = 1, .head_size = kSize, .type = KvType::kInt8});
  story.slab.append(
      pool, {.k = story.k.data(), .v = story.v.data(), .tokens = kTokens});
  const std::vector<double> truth = story.truth();
  const std::vector<float> out = attend(story);
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    // The one that stands out would hide the rest.
    if (i % kSize == 40) continue;
    error += (out[i] - truth[i]) * (out[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return std::sqrt(error / size);
}

/// What `attend` gives the last `tokens` tokens of a story, with other
/// sequences beside it.
template <typename Attend>
std::vector<float> last_rows(const Story& story, std::int64_t tokens,
                             const std::vector<const Story*>& beside,
                             Attend&& attend) {
  const std::int64_t width =
      std::int64_t{story.shape.heads} * story.shape.head_size;
  std::vector<float> out(static_cast<std::size_t>(tokens * width), NAN);
  std::vector<std::vector<float>> other_outs;
  std::vector<AttentionSequence> sequences;
  for (const Story* other : beside) {
    other_outs.emplace_back(other->q.size());
    sequences.push_back({.kv = &other->slab,
                         .q = other->q.data(),
                         .out = other_outs.back().data(),
                         .tokens = other->tokens,
                         .causal = other->causal});
  }
  sequences.push_back({.kv = &story.slab,
                       .q = story.q.data() + (story.tokens - tokens) * width,
                       .out = out.data(),
                       .tokens = tokens,
                       .causal = story.causal,
                       .sees_from = story.from(),
                       .sees_to = story.to()});
  attend(std::span<const AttentionSequence>(sequences));
  return out;
}

}  // namespace abstractllm::ops::cpu::testing
