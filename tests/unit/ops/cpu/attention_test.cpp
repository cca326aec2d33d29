// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "ops/cpu/kv_store.h"
#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/story.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::on_each_highway_target;
using testing::random_values;
using testing::shape_of;
using testing::Story;

void expect_truth(ThreadPool& pool, std::vector<Story*> stories) {
  std::vector<std::vector<float>> outs;
  std::vector<AttentionSequence> sequences;
  for (Story* story : stories) {
    outs.emplace_back(story->q.size(), NAN);
    sequences.push_back({.kv = &story->slab,
                         .q = story->q.data(),
                         .out = outs.back().data(),
                         .tokens = story->tokens,
                         .causal = story->causal,
                         .sees_from = story->from(),
                         .sees_to = story->to()});
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

constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kBF16,
                             KvType::kInt8};

// The last `tokens` tokens of a story, with other sequences beside it.
std::vector<float> last_rows(ThreadPool& pool, const Story& story,
                             std::int64_t tokens,
                             const std::vector<const Story*>& beside) {
  AttentionScratch scratch;
  return testing::last_rows(story, tokens, beside, [&](auto sequences) {
    attention(pool, scratch, story.shape, sequences);
  });
}

class AttentionOn : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{{.threads = GetParam()}};
};

TEST_P(AttentionOn, EveryHeadSizeAndType) {
  for (const int size : {16, 24, 64, 80, 100, 128, 192, 256, 512}) {
    for (const KvType type : kTypes) {
      SCOPED_TRACE(size);
      Story story(pool_, shape_of(6, 2, size), type, 300, 3, 1);
      expect_truth(pool_, {&story});
    }
  }
}

TEST_P(AttentionOn, EveryHighwayTarget) {
  on_each_highway_target([&] {
    for (const KvType type : kTypes) {
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

TEST_P(AttentionOn, ChunkedWindowsSlopesAndSinksWithoutWeight) {
  const std::vector<float> slopes = {0.5f, 0.25f, 0.0625f, 0.001f};
  const std::vector<float> sinks(4, -INFINITY);
  for (const std::int64_t past : {0, 200}) {
    for (const std::int64_t tokens : {1, 70}) {
      AttentionShape chunked = shape_of(4, 2, 32);
      chunked.window = 64;
      chunked.chunked = true;
      Story chunks(pool_, chunked, KvType::kF16, past, tokens, 12);
      expect_truth(pool_, {&chunks});
      AttentionShape sloping = shape_of(4, 2, 32);
      sloping.slopes = slopes.data();
      Story slope(pool_, sloping, KvType::kF16, past, tokens, 13);
      expect_truth(pool_, {&slope});
      AttentionShape with_sinks = shape_of(4, 2, 32);
      with_sinks.sinks = sinks.data();
      Story sink(pool_, with_sinks, KvType::kInt8, past, tokens, 14);
      expect_truth(pool_, {&sink});
    }
  }
}

// Tokens 20 to 39 are a picture, whose tokens see one another.
TEST_P(AttentionOn, TokensOfPicturesSeeThoseBehindThem) {
  constexpr std::int64_t kTokens = 60;
  for (const std::int64_t window : {0, 8}) {
    for (const std::int64_t past : {0, 300}) {
      AttentionShape shape = shape_of(4, 2, 32);
      shape.window = window;
      Story story(pool_, shape, KvType::kF16, past, kTokens, 15);
      for (std::int64_t t = 0; t < kTokens; ++t) {
        const bool picture = t >= 20 && t < 40;
        story.sees_from.push_back(
            static_cast<std::int32_t>(past + (picture ? 20 : t)));
        story.sees_to.push_back(
            static_cast<std::int32_t>(past + (picture ? 40 : t + 1)));
      }
      expect_truth(pool_, {&story});
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

// Puts `k` and `v` in the place of the keys and values of a story.
void replace(ThreadPool& pool, Story& story, std::vector<float> k,
             std::vector<float> v) {
  story.slab = KvSlab(story.slab.options());
  story.slab.append(pool,
                    {.k = k.data(),
                     .v = v.data(),
                     .tokens = static_cast<std::int64_t>(k.size()) /
                               story.shape.head_size / story.shape.kv_heads});
  story.k = std::move(k);
  story.v = std::move(v);
}

TEST_P(AttentionOn, EqualRowsSpreadTheirWeightEvenly) {
  for (const KvType type : kTypes) {
    Story story(pool_, shape_of(2, 1, 32), type, 0, 600, 1);
    replace(pool_, story, std::vector<float>(600 * 32, 0.5f),
            std::vector<float>(600 * 32, 0.75f));
    for (const float value : last_rows(pool_, story, 600, {})) {
      ASSERT_NEAR(value, 0.75f, type == KvType::kInt8 ? 0.004f : 1e-6f);
    }
  }
}

TEST_P(AttentionOn, NumbersNearZeroAreNoTrouble) {
  for (const KvType type : kTypes) {
    Story story(pool_, shape_of(2, 1, 32), type, 0, 300, 2);
    std::vector<float> tiny = random_values(300 * 32, 3, 1e-40f);
    // Scores that tell no position from the other.
    replace(pool_, story, tiny, std::vector<float>(300 * 32, 2.0f));
    for (const float value : last_rows(pool_, story, 300, {})) {
      ASSERT_NEAR(value, 2.0f, type == KvType::kInt8 ? 0.01f : 4e-6f);
    }
    // Values that are all but nothing.
    replace(pool_, story, random_values(300 * 32, 4), tiny);
    for (const float value : last_rows(pool_, story, 300, {})) {
      ASSERT_LT(std::fabs(value), 1e-38f);  // NaN is not
    }
  }
}

// Rows that are worked on together see pages of which some see nothing.
TEST_P(AttentionOn, PagesThatARowDoesNotSeeChangeNothing) {
  for (const KvType type : kTypes) {
    for (const std::int64_t window : {1, 3}) {
      AttentionShape shape = shape_of(2, 2, 16);
      shape.window = window;
      Story story(pool_, shape, type, 250, 12, 3);
      expect_truth(pool_, {&story});
    }
  }
}

TEST_P(AttentionOn, ALargeNumberIsTheLargestOfF16) {
  on_each_highway_target([&] {
    Story story(pool_, shape_of(1, 1, 16), KvType::kF16, 0, 2, 4);
    std::vector<float> k(2 * 16);
    std::vector<float> v(2 * 16);
    k[0] = 1e5f;  // of the first token; the second's is 0
    v[0] = 3e38f;
    v[1] = -65520.0f;
    v[2] = INFINITY;
    v[3] = 65504.0f;
    replace(pool_, story, k, v);
    story.q.assign(2 * 16, 0.0f);
    story.q[16] = 1e-4f;  // of the second token: its score is 6.5504 / 4
    const std::vector<float> y = last_rows(pool_, story, 2, {});
    EXPECT_EQ(y[0], 65504.0f);
    EXPECT_EQ(y[1], -65504.0f);
    EXPECT_EQ(y[2], INFINITY);
    EXPECT_EQ(y[3], 65504.0f);
    const float weight = 1.0f / (1.0f + std::exp(-6.5504f / 4));
    EXPECT_NEAR(y[16] / 65504.0f, weight, 1e-5);
  });
}

// A query that is no number gives none, in one page and in many, and nothing
// beside it changes.
TEST_P(AttentionOn, NumbersThatAreNoneStayWithTheirRow) {
  const std::vector<float> sinks = {3.0f, -INFINITY};
  for (const KvType type : kTypes) {
    for (const std::int64_t past : {0, 10, 40, 700}) {
      for (const std::int64_t tokens : {1, 7}) {
        for (const bool with_sinks : {true, false}) {
          SCOPED_TRACE(past * 10 + tokens);
          AttentionShape shape = shape_of(2, 1, 16);
          shape.sinks = with_sinks ? sinks.data() : nullptr;
          Story story(pool_, shape, type, past, tokens, 9);
          const std::vector<float> before = last_rows(pool_, story, tokens, {});
          // Of the last token's first head.
          const auto bad = static_cast<std::size_t>((tokens - 1) * 32);
          story.q[bad + 3] = NAN;
          const std::vector<float> after = last_rows(pool_, story, tokens, {});
          for (std::size_t i = 0; i < after.size(); ++i) {
            if (i >= bad && i < bad + 16) {
              ASSERT_TRUE(std::isnan(after[i])) << i;
            } else {
              ASSERT_EQ(after[i], before[i]) << i;
            }
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, AttentionOn, ::testing::Values(1, 2, 5));

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

TEST(Attention, DimensionsThatStandOutCostInt8Little) {
  ThreadPool pool({.threads = 2});
  for (const auto& [height, bound] : testing::kOutlierBounds) {
    const double error =
        testing::error_with_outliers(pool, height, [&](const Story& story) {
          return last_rows(pool, story, story.tokens, {});
        });
    EXPECT_LT(error, bound) << height;
  }
}

TEST(KvStore, TurnsByAHadamardMatrixBehindSigns) {
  on_each_highway_target([] {
    for (const int size : {16, 32, 48, 128}) {
      const std::vector<float> x = random_values(size, 5);
      std::vector<float> turned = x;
      turn_head(turned.data(), size);
      for (int begin = 0; begin < size; begin += kTurnedDimensions) {
        const int count = std::min(kTurnedDimensions, size - begin);
        for (int row = 0; row < count; ++row) {
          double sum = 0;
          for (int i = 0; i < count; ++i) {
            // The sign of the matrix, and those before it.
            const bool minus = (std::popcount(static_cast<unsigned>(row & i)) %
                                2) != ((i % 4 == 3) != (i / 4 % 4 == 3));
            sum += minus ? -x[static_cast<std::size_t>(begin + i)]
                         : x[static_cast<std::size_t>(begin + i)];
          }
          EXPECT_NEAR(turned[static_cast<std::size_t>(begin + row)],
                      sum / std::sqrt(count), 1e-6)
              << size;
        }
      }
      turn_back(turned.data(), size);
      for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(turned[i], x[i], 1e-6) << size;
      }
    }
  });
}

TEST(KvSlab, Int8CostsAByteAValueAndTwoForEach32) {
  for (const auto& [size, bytes] :
       {std::pair{128, 128 + 8}, {80, 80 + 6}, {40, 48 + 4}, {16, 16 + 2}}) {
    const KvSlab slab({.heads = 3, .head_size = size, .type = KvType::kInt8});
    EXPECT_EQ(slab.page_bytes(), 3 * 2 * kPagePositions * bytes) << size;
  }
}

TEST(KvSlab, WhatIsNotFiniteIsSeenInEveryType) {
  on_each_highway_target([] {
    ThreadPool pool({.threads = 1});
    for (const KvType type : kTypes) {
      for (const float bad : {NAN, INFINITY}) {
        for (const bool in_keys : {true, false}) {
          // An infinite key may well leave a weight of nothing.
          if (in_keys && bad == INFINITY) continue;
          Story story(pool, shape_of(1, 1, 16), type, 0, 20, 3);
          (in_keys ? story.k : story.v)[4 * 16 + 3] = bad;
          replace(pool, story, story.k, story.v);
          const std::vector<float> y = last_rows(pool, story, 20, {});
          EXPECT_FALSE(std::isfinite(y[4 * 16 + 3])) << bad;
        }
      }
    }
  });
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
