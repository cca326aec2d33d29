// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "abstractllm/error.h"
#include "ops/cpu/half.h"
#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::on_each_highway_target;
using testing::random_values;

/// What a cache of `type` keeps of heads of `size` values.
void round_heads(KvType type, int size, std::vector<float>& values) {
  if (type == KvType::kInt8) {
    for (auto head = values.begin(); head != values.end(); head += size) {
      float limit = 0;
      for (int i = 0; i < size; ++i)
        limit = std::max(limit, std::fabs(head[i]));
      for (int i = 0; i < size; ++i) {
        head[i] = std::nearbyint(head[i] * (127.0f / limit)) * (limit / 127.0f);
      }
    }
    return;
  }
  for (float& value : values) {
    if (type == KvType::kF16) value = f16_to_float(float_to_f16(value));
    if (type == KvType::kBF16) value = bf16_to_float(float_to_bf16(value));
  }
}

/// A sequence with all its keys and values, and attention in double precision.
struct Story {
  AttentionShape shape;
  KvSlab slab;
  std::vector<float> k;  // [positions, kv_heads, head_size], as stored
  std::vector<float> v;
  std::vector<float> q;  // of the new tokens
  std::int64_t tokens;
  bool causal = true;

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
    const std::int64_t first =
        shape.window == 0
            ? 0
            : std::max<std::int64_t>(0, position - shape.window + 1);
    std::int64_t end = causal && !shape.bidirectional ? position + 1 : length;
    if (shape.bidirectional && shape.window > 0) {
      end = std::min(length, position + shape.window);
    }
    const float* query = q.data() + (t * shape.heads + head) * size;
    std::vector<double> weights;
    double largest = shape.sinks != nullptr ? shape.sinks[head] : -1e300;
    for (std::int64_t p = first; p < end; ++p) {
      const float* key = k.data() + (p * shape.kv_heads + kv_head) * size;
      double score = 0;
      for (int i = 0; i < size; ++i)
        score += static_cast<double>(query[i]) * key[i];
      score *= shape.scale;
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

void expect_truth(ThreadPool& pool, std::vector<Story*> stories) {
  std::vector<std::vector<float>> outs;
  std::vector<AttentionSequence> sequences;
  for (Story* story : stories) {
    outs.emplace_back(story->q.size(), NAN);
    sequences.push_back({.kv = &story->slab,
                         .q = story->q.data(),
                         .out = outs.back().data(),
                         .tokens = story->tokens,
                         .causal = story->causal});
  }
  AttentionScratch scratch;
  attention(pool, scratch, stories[0]->shape, sequences);
  for (std::size_t s = 0; s < stories.size(); ++s) {
    const std::vector<double> truth = stories[s]->truth();
    for (std::size_t i = 0; i < truth.size(); ++i) {
      ASSERT_NEAR(outs[s][i], truth[i], 3e-5)
          << "sequence " << s << ", value " << i << " of " << truth.size();
    }
  }
}

AttentionShape shape_of(int heads, int kv_heads, int head_size) {
  return {.heads = heads,
          .kv_heads = kv_heads,
          .head_size = head_size,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_size))};
}

class AttentionOn : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{{.threads = GetParam()}};
};

TEST_P(AttentionOn, EveryHeadSizeAndType) {
  for (const int size : {16, 24, 64, 80, 100, 128, 192, 256}) {
    for (const KvType type :
         {KvType::kF32, KvType::kF16, KvType::kBF16, KvType::kInt8}) {
      SCOPED_TRACE(size);
      Story story(pool_, shape_of(6, 2, size), type, 300, 3, 1);
      expect_truth(pool_, {&story});
    }
  }
}

TEST_P(AttentionOn, EveryHighwayTarget) {
  on_each_highway_target([&] {
    for (const KvType type :
         {KvType::kF32, KvType::kF16, KvType::kBF16, KvType::kInt8}) {
      Story decode(pool_, shape_of(4, 4, 40), type, 270, 1, 1);
      expect_truth(pool_, {&decode});
      Story prefill(pool_, shape_of(8, 1, 40), type, 30, 11, 1);
      expect_truth(pool_, {&prefill});
    }
  });
}

TEST_P(AttentionOn, EveryNumberOfRows) {
  for (const int group : {1, 2, 3, 4, 5, 7, 8, 12}) {
    SCOPED_TRACE(group);
    Story story(pool_, shape_of(2 * group, 2, 32), KvType::kInt8, 77, 1, 3);
    expect_truth(pool_, {&story});
  }
}

TEST_P(AttentionOn, ShortAndLongPasts) {
  for (const std::int64_t past : {0, 1, 15, 16, 63, 255, 256, 257, 2100}) {
    for (const std::int64_t tokens : {1, 2, 17, 300}) {
      SCOPED_TRACE(past * 1000 + tokens);
      Story story(pool_, shape_of(3, 1, 16), KvType::kF16, past, tokens, 5);
      expect_truth(pool_, {&story});
    }
  }
}

TEST_P(AttentionOn, Windows) {
  for (const std::int64_t window : {1, 7, 64, 256, 300}) {
    for (const std::int64_t past : {0, 40, 1000}) {
      for (const std::int64_t tokens : {1, 90}) {
        SCOPED_TRACE(window * 100000 + past * 100 + tokens);
        AttentionShape shape = shape_of(2, 1, 16);
        shape.window = window;
        Story story(pool_, shape, KvType::kF32, past, tokens, 6);
        // At most the window, what came at once, and two pages' rest.
        EXPECT_LE(story.slab.length() - story.slab.first(),
                  window + tokens + 2 * kPagePositions);
        expect_truth(pool_, {&story});
      }
    }
  }
}

TEST_P(AttentionOn, SoftcapAndSinks) {
  const std::vector<float> sinks = {3.0f, -2.0f, 0.5f, 9.0f};
  for (const std::int64_t past : {0, 500}) {
    for (const std::int64_t tokens : {1, 20}) {
      AttentionShape shape = shape_of(4, 2, 32);
      shape.softcap = 2.0f;
      shape.sinks = sinks.data();
      Story story(pool_, shape, KvType::kF32, past, tokens, 7);
      expect_truth(pool_, {&story});
      shape.window = 100;
      Story with_window(pool_, shape, KvType::kInt8, past, tokens, 8);
      expect_truth(pool_, {&with_window});
    }
  }
}

TEST_P(AttentionOn, SequencesOfAllLengthsAtOnce) {
  const AttentionShape shape = shape_of(6, 3, 32);
  Story a(pool_, shape, KvType::kF16, 700, 1, 1);
  Story b(pool_, shape, KvType::kF16, 0, 1, 2);
  Story c(pool_, shape, KvType::kF16, 3, 40, 3);
  Story d(pool_, shape, KvType::kF16, 255, 1, 4);
  c.causal = false;
  expect_truth(pool_, {&a, &b, &c, &d});
}

TEST_P(AttentionOn, BidirectionalTokensSeeAWindowOnBothSides) {
  for (const std::int64_t tokens : {1, 5, 40, 600}) {
    for (const std::int64_t window : {0, 1, 9, 300}) {
      AttentionShape shape = shape_of(4, 2, 32);
      shape.window = window;
      shape.bidirectional = true;
      Story story(pool_, shape, KvType::kF32, 0, tokens, 11);
      expect_truth(pool_, {&story});
    }
  }
}

TEST_P(AttentionOn, LargeScoresDoNotOverflow) {
  AttentionShape shape = shape_of(2, 1, 32);
  shape.scale = 500.0f;
  Story story(pool_, shape, KvType::kF32, 300, 2, 9);
  std::vector<float> out(story.q.size());
  AttentionScratch scratch;
  attention(pool_, scratch, shape,
            {{.kv = &story.slab,
              .q = story.q.data(),
              .out = out.data(),
              .tokens = 2}});
  for (const float y : out) EXPECT_TRUE(std::isfinite(y));
}

INSTANTIATE_TEST_SUITE_P(Threads, AttentionOn, ::testing::Values(1, 2, 5));

// The last `tokens` tokens of a story, with other sequences beside it.
std::vector<float> last_rows(ThreadPool& pool, const Story& story,
                             std::int64_t tokens,
                             const std::vector<const Story*>& beside) {
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
                         .tokens = other->tokens});
  }
  sequences.push_back({.kv = &story.slab,
                       .q = story.q.data() + (story.tokens - tokens) * width,
                       .out = out.data(),
                       .tokens = tokens});
  AttentionScratch scratch;
  attention(pool, scratch, story.shape, sequences);
  return out;
}

// Bit for bit: whoever generates alone, in a batch, on more threads or in other
// chunks, generates the same.
TEST(Attention, ARowDependsOnNothingBesideIt) {
  const std::vector<float> sinks = {3.0f, -2.0f, 0.5f, 9.0f, 0.0f, 1.0f};
  for (const bool with_sinks : {false, true}) {
    for (const std::int64_t window : {0, 300}) {
      AttentionShape shape = shape_of(6, 2, 40);
      shape.window = window;
      shape.sinks = with_sinks ? sinks.data() : nullptr;
      ThreadPool one({.threads = 1});
      const Story story(one, shape, KvType::kF16, 900, 21, 1);
      const Story decode(one, shape, KvType::kF16, 1300, 1, 2);
      const Story prefill(one, shape, KvType::kF16, 0, 300, 3);
      const std::vector<float> whole = last_rows(one, story, 21, {});
      for (const int threads : {1, 2, 5}) {
        ThreadPool pool({.threads = threads});
        for (const std::int64_t tokens : {21, 20, 7, 2, 1}) {
          SCOPED_TRACE(::testing::PrintToString(tokens) + " tokens, " +
                       ::testing::PrintToString(threads) + " threads");
          const std::vector<float> want(
              whole.end() - tokens * shape.heads * shape.head_size,
              whole.end());
          EXPECT_EQ(last_rows(pool, story, tokens, {}), want);
          EXPECT_EQ(last_rows(pool, story, tokens, {&decode}), want);
          EXPECT_EQ(last_rows(pool, story, tokens, {&decode, &prefill}), want);
        }
      }
    }
  }
}

TEST(KvSlab, AppendTransformsKeys) {
  ThreadPool pool({.threads = 2});
  RotaryTable table({1.0f, 0.1f, 0.01f, 0.001f});
  const AttentionShape shape = shape_of(2, 2, 8);
  const std::vector<float> weight = random_values(8, 1);
  const std::int64_t tokens = 20;
  Story plain(pool, shape, KvType::kF32, 0, tokens, 3);
  KvSlab slab({.heads = 2, .head_size = 8, .type = KvType::kF32});
  const HeadTransform transform{.norm = weight.data(),
                                .rope = table.rows(0, tokens)};
  slab.append(pool, {.k = plain.k.data(),
                     .v = plain.v.data(),
                     .tokens = tokens,
                     .k_transform = transform});
  transform_heads(pool, plain.k.data(), tokens, 2, 8, 0, transform);
  plain.slab = std::move(slab);
  expect_truth(pool, {&plain});
}

TEST(KvSlab, WhatIsNotFiniteIsSeenInEveryType) {
  ThreadPool pool({.threads = 1});
  for (const KvType type :
       {KvType::kF32, KvType::kF16, KvType::kBF16, KvType::kInt8}) {
    for (const bool in_keys : {true, false}) {
      Story story(pool, shape_of(1, 1, 16), type, 0, 20, 3);
      (in_keys ? story.k : story.v)[4 * 16 + 3] =
          std::numeric_limits<float>::quiet_NaN();
      story.slab = KvSlab({.heads = 1, .head_size = 16, .type = type});
      story.slab.append(
          pool, {.k = story.k.data(), .v = story.v.data(), .tokens = 20});
      const std::vector<float> y = last_rows(pool, story, 20, {});
      EXPECT_TRUE(std::isnan(y[4 * 16 + 3]));
    }
  }
}

TEST(KvSlab, TruncatesAndGoesOn) {
  ThreadPool pool({.threads = 1});
  Story story(pool, shape_of(2, 1, 16), KvType::kF32, 600, 1, 3);
  ASSERT_TRUE(story.slab.truncate(300));
  EXPECT_EQ(story.slab.length(), 300);
  EXPECT_FALSE(story.slab.truncate(301));
  story.slab.append(pool, {.k = story.k.data() + 300 * 16,
                           .v = story.v.data() + 300 * 16,
                           .tokens = 1});
  expect_truth(pool, {&story});
}

TEST(KvSlab, WindowedSlabsTruncateWhatTheyHold) {
  ThreadPool pool({.threads = 1});
  AttentionShape shape = shape_of(1, 1, 16);
  shape.window = 100;
  Story story(pool, shape, KvType::kF32, 2000, 1, 3);
  EXPECT_FALSE(story.slab.truncate(500));
  EXPECT_EQ(story.slab.length(), 2001);
  EXPECT_TRUE(story.slab.truncate(story.slab.first() + 100));
}

TEST(KvSlab, ClonesDoNotSeeEachOther) {
  ThreadPool pool({.threads = 1});
  Story story(pool, shape_of(1, 1, 16), KvType::kF16, 270, 1, 3);
  KvSlab copy = story.slab.clone();
  const std::vector<float> other = random_values(16, 99);
  copy.append(pool, {.k = other.data(), .v = other.data(), .tokens = 1});
  EXPECT_EQ(copy.length(), 272);
  EXPECT_EQ(story.slab.length(), 271);
  ASSERT_TRUE(copy.truncate(100));
  copy.append(pool, {.k = other.data(), .v = other.data(), .tokens = 1});
  expect_truth(pool, {&story});
}

TEST(KvSlab, RefusesHeadsOutOfRange) {
  for (const int size : {0, -1, kMaxHeadSize + 1}) {
    EXPECT_THROW(KvSlab({.heads = 1, .head_size = size}), InvalidRequestError);
  }
  EXPECT_THROW(KvSlab({.heads = 0, .head_size = 16}), InvalidRequestError);
}

}  // namespace
}  // namespace abstractllm::ops::cpu
