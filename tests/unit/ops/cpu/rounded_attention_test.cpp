// Attention of prompts in bf16 against attention in double precision, and
// against itself in other company.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/rounded_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "ops/cpu/half.h"
#include "unit/ops/cpu/all_bf16_kernels.h"
#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/story.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::all_bf16_kernels;
using testing::on_each_highway_target;
using testing::random_values;
using testing::shape_of;
using testing::Story;

constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kBF16,
                             KvType::kInt8};

// The last `tokens` tokens of a story, with other sequences beside it.
std::vector<float> run(const Bf16Kernels& kernels, ThreadPool& pool,
                       const Story& story, std::int64_t tokens,
                       const std::vector<const Story*>& beside = {}) {
  RoundedAttentionScratch scratch;
  return testing::last_rows(story, tokens, beside, [&](auto sequences) {
    rounded_attention(pool, kernels, scratch, story.shape, sequences);
  });
}

void round_all(std::vector<float>& values, float factor = 1.0f) {
  for (float& value : values) {
    value = bf16_to_float(float_to_bf16(value * factor));
  }
}

// The largest difference from `truth` over the largest value that is attended
// to.
double error_of(const std::vector<float>& out, const std::vector<double>& truth,
                const std::vector<float>& v) {
  float largest = 1e-30f;
  for (const float value : v) largest = std::max(largest, std::fabs(value));
  double worst = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = std::fabs(out[i] - truth[i]) / largest;
    if (!(error <= worst)) worst = error;  // NaN is the worst
  }
  return worst;
}

// Of what is rounded before the products, the truth is about what that left.
void expect_near_truth(ThreadPool& pool, Story story) {
  std::vector<std::vector<float>> outs;
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    outs.push_back(run(kernels, pool, story, story.tokens));
  }
  // Heads of int8 are rounded once they are turned, which is not done here.
  const bool turned = story.slab.options().type == KvType::kInt8;
  if (!turned) {
    round_all(story.q, story.shape.scale);
    story.shape.scale = 1.0f;
    round_all(story.k);
    round_all(story.v);
  }
  const std::vector<double> truth = story.truth();
  for (std::size_t i = 0; i < outs.size(); ++i) {
    EXPECT_LT(error_of(outs[i], truth, story.v), turned ? 0x1p-7 : 0x1p-8)
        << all_bf16_kernels()[i].name;
  }
}

class RoundedAttentionOn : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{{.threads = GetParam()}};
};

TEST_P(RoundedAttentionOn, EveryHeadSizeAndType) {
  for (const int size : {1, 16, 24, 33, 64, 80, 128, 256, 512}) {
    for (const KvType type : kTypes) {
      SCOPED_TRACE(size);
      expect_near_truth(pool_,
                        Story(pool_, shape_of(4, 2, size), type, 270, 5, 1));
    }
  }
}

TEST_P(RoundedAttentionOn, ShortAndLongPastsAndPrompts) {
  for (const std::int64_t past : {0, 1, 15, 31, 33, 255, 256, 700}) {
    for (const std::int64_t tokens : {1, 2, 3, 7, 64, 300}) {
      SCOPED_TRACE(past * 1000 + tokens);
      expect_near_truth(pool_, Story(pool_, shape_of(3, 1, 16), KvType::kF16,
                                     past, tokens, 5));
    }
  }
}

TEST_P(RoundedAttentionOn, Windows) {
  for (const std::int64_t window : {1, 7, 64, 256, 300}) {
    for (const std::int64_t past : {0, 40, 600}) {
      for (const std::int64_t tokens : {1, 90}) {
        SCOPED_TRACE(window * 100000 + past * 100 + tokens);
        AttentionShape shape = shape_of(2, 1, 16);
        shape.window = window;
        for (const KvType type : {KvType::kF16, KvType::kInt8}) {
          expect_near_truth(pool_, Story(pool_, shape, type, past, tokens, 6));
        }
      }
    }
  }
}

TEST_P(RoundedAttentionOn, SoftcapSinksAndSlopes) {
  const std::vector<float> sinks = {3.0f, -2.0f, 0.5f, 9.0f};
  const std::vector<float> slopes = {0.5f, 0.25f, 0.0625f, 0.001f};
  for (const std::int64_t past : {0, 400}) {
    AttentionShape shape = shape_of(4, 2, 32);
    shape.sinks = sinks.data();
    shape.softcap = 2.0f;
    expect_near_truth(pool_, Story(pool_, shape, KvType::kF16, past, 40, 7));
    shape.window = 100;
    expect_near_truth(pool_, Story(pool_, shape, KvType::kInt8, past, 40, 8));
    AttentionShape sloping = shape_of(4, 2, 32);
    sloping.slopes = slopes.data();
    expect_near_truth(pool_, Story(pool_, sloping, KvType::kF16, past, 40, 9));
  }
}

TEST_P(RoundedAttentionOn, TokensThatSeeOneAnother) {
  for (const std::int64_t window : {0, 9, 300}) {
    AttentionShape shape = shape_of(4, 2, 32);
    shape.window = window;
    shape.bidirectional = true;
    expect_near_truth(pool_, Story(pool_, shape, KvType::kF16, 0, 310, 11));
  }
  Story together(pool_, shape_of(4, 2, 32), KvType::kF16, 40, 50, 12);
  together.causal = false;
  expect_near_truth(pool_, std::move(together));
  AttentionShape chunked = shape_of(4, 2, 32);
  chunked.window = 64;
  chunked.chunked = true;
  expect_near_truth(pool_, Story(pool_, chunked, KvType::kF16, 200, 90, 13));
  AttentionShape windowed = shape_of(4, 2, 32);
  windowed.window = 8;
  Story picture(pool_, windowed, KvType::kF16, 290, 60, 14);
  for (std::int32_t t = 0; t < 60; ++t) {
    const bool inside = t >= 20 && t < 40;
    picture.sees_from.push_back(290 + (inside ? 20 : t));
    picture.sees_to.push_back(290 + (inside ? 40 : t + 1));
  }
  expect_near_truth(pool_, std::move(picture));
}

TEST_P(RoundedAttentionOn, RoundingMovesResultsLittle) {
  const Story story(pool_, shape_of(4, 2, 128), KvType::kF16, 100, 60, 21);
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    EXPECT_LT(error_of(run(kernels, pool_, story, 60), story.truth(), story.v),
              0x1p-6)
        << kernels.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, RoundedAttentionOn, ::testing::Values(1, 3));

// Bit for bit: a prompt gives the same alone, beside others, on more threads
// and in other chunks.
TEST(RoundedAttention, ARowDependsOnNothingBesideIt) {
  const std::vector<float> sinks = {3.0f, -2.0f, 0.5f, 9.0f, 0.0f, 1.0f};
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const KvType type : {KvType::kF16, KvType::kInt8}) {
      for (const std::int64_t window : {0, 100}) {
        AttentionShape shape = shape_of(6, 2, 40);
        shape.window = window;
        shape.sinks = window != 0 ? sinks.data() : nullptr;
        ThreadPool one({.threads = 1});
        const Story story(one, shape, type, 450, 121, 1);
        const Story other(one, shape, type, 300, 1, 2);
        const Story prompt(one, shape, type, 0, 200, 3);
        const std::vector<float> whole = run(kernels, one, story, 121);
        for (const int threads : {1, 2, 5}) {
          ThreadPool pool({.threads = threads});
          for (const std::int64_t tokens : {121, 100, 21, 7, 2, 1}) {
            SCOPED_TRACE(std::to_string(tokens) + " tokens, " +
                         std::to_string(threads) + " threads");
            const std::vector<float> want(
                whole.end() - tokens * shape.heads * shape.head_size,
                whole.end());
            EXPECT_EQ(run(kernels, pool, story, tokens), want);
            EXPECT_EQ(run(kernels, pool, story, tokens, {&other, &prompt}),
                      want);
          }
        }
      }
    }
  }
}

TEST(RoundedAttention, EqualRowsSpreadTheirWeightEvenly) {
  ThreadPool pool({.threads = 2});
  Story story(pool, shape_of(2, 1, 32), KvType::kF16, 0, 1, 1);
  KvSlab slab({.heads = 1, .head_size = 32, .type = KvType::kF16});
  const std::vector<float> k(300 * 32, 0.5f);
  const std::vector<float> v(300 * 32, 0.75f);
  slab.append(pool, {.k = k.data(), .v = v.data(), .tokens = 300});
  story.slab = std::move(slab);
  story.q = random_values(300 * 64, 4);
  story.tokens = 300;
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const float value : run(kernels, pool, story, 300)) {
      ASSERT_NEAR(value, 0.75f, 1e-6f) << kernels.name;
    }
  }
}

TEST(RoundedAttention, TakesHugeAndTinyScores) {
  ThreadPool pool({.threads = 2});
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const float scale : {1e-38f, 1e6f}) {
      AttentionShape shape = shape_of(2, 1, 32);
      shape.scale = scale;
      const Story story(pool, shape, KvType::kF16, 300, 20, 9);
      for (const float y : run(kernels, pool, story, 20)) {
        ASSERT_LE(std::fabs(y), 20.0f) << kernels.name;  // NaN is not
      }
    }
  }
}

TEST(RoundedAttention, NumbersThatAreNoneStayWithTheirRow) {
  ThreadPool pool({.threads = 2});
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    Story story(pool, shape_of(1, 1, 32), KvType::kF16, 10, 40, 9);
    const std::vector<float> before = run(kernels, pool, story, 40);
    story.q[5 * 32] = NAN;
    const std::vector<float> after = run(kernels, pool, story, 40);
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (i / 32 == 5) {
        ASSERT_TRUE(std::isnan(after[i])) << kernels.name;
      } else {
        ASSERT_EQ(after[i], before[i]) << kernels.name;
      }
    }
  }
}

TEST(RoundedAttention, DimensionsThatStandOutCostInt8Little) {
  ThreadPool pool({.threads = 2});
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const auto& [height, bound] : testing::kOutlierBounds) {
      const double error =
          testing::error_with_outliers(pool, height, [&](const Story& story) {
            return run(kernels, pool, story, story.tokens);
          });
      EXPECT_LT(error, bound) << kernels.name << ", " << height;
    }
  }
}

TEST(RoundedAttention, EveryHighwayTargetGivesAboutTheSame) {
  on_each_highway_target([] {
    ThreadPool pool({.threads = 1});
    for (const KvType type : kTypes) {
      expect_near_truth(pool, Story(pool, shape_of(4, 2, 40), type, 30, 11, 1));
    }
  });
}

}  // namespace
}  // namespace abstractllm::ops::cpu
