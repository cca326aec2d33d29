// Attention in bf16 against attention in double precision, at odd sizes.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/stretch_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops/cpu/half.h"
#include "unit/ops/cpu/all_bf16_kernels.h"
#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::all_bf16_kernels;
using testing::on_each_highway_target;
using testing::random_values;

float rounded(float value) { return bf16_to_float(float_to_bf16(value)); }
float unchanged(float value) { return value; }

struct Case {
  Stretch stretch;
  std::vector<float> q, k, v;

  Case(int heads, int head_size, std::int64_t tokens, unsigned seed) {
    const std::int64_t count = tokens * heads * head_size;
    q = random_values(count, seed, 2.0f);
    k = random_values(count, seed + 1);
    v = random_values(count, seed + 2);
    stretch = {.heads = heads,
               .head_size = head_size,
               .scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
               .tokens = tokens};
  }

  std::vector<float> run(const Bf16Kernels& kernels, int threads = 2) {
    ThreadPool pool({.threads = threads});
    StretchScratch scratch;
    std::vector<float> out(q.size(), NAN);
    Stretch s = stretch;
    s.q = q.data();
    s.k = k.data();
    s.v = v.data();
    s.out = out.data();
    attend_stretch(pool, kernels, scratch, s);
    return out;
  }

  float at(const std::vector<float>& x, int head, std::int64_t token,
           int i) const {
    return x[static_cast<std::size_t>(
        (token * stretch.heads + head) * stretch.head_size + i)];
  }

  // The largest difference from the truth about what `as` makes of queries,
  // keys and values, over the largest value.
  double error_of(const std::vector<float>& out,
                  float (*as)(float) = &rounded) const {
    double worst = 0;
    float largest = 1e-30f;
    for (const float value : v) largest = std::max(largest, std::fabs(value));
    for (int h = 0; h < stretch.heads; ++h) {
      for (std::int64_t t = 0; t < stretch.tokens; ++t) {
        const std::vector<double> truth = truth_of(h, t, as);
        for (int i = 0; i < stretch.head_size; ++i) {
          const double error =
              std::fabs(at(out, h, t, i) - truth[static_cast<std::size_t>(i)]);
          worst = std::max(worst, std::isnan(error) ? 1e30 : error / largest);
        }
      }
    }
    return worst;
  }

  std::vector<double> truth_of(int head, std::int64_t token,
                               float (*as)(float)) const {
    const std::int64_t others = stretch.tokens - stretch.padding;
    const std::int64_t end = token < others ? stretch.tokens : others;
    std::vector<double> scores(static_cast<std::size_t>(end));
    double top = -INFINITY;
    for (std::int64_t p = 0; p < end; ++p) {
      double dot = 0;
      for (int i = 0; i < stretch.head_size; ++i) {
        dot += double{as(at(q, head, token, i) * stretch.scale)} *
               as(at(k, head, p, i));
      }
      scores[static_cast<std::size_t>(p)] = dot;
      top = std::max(top, dot);
    }
    std::vector<double> sums(static_cast<std::size_t>(stretch.head_size));
    double total = 0;
    for (std::int64_t p = 0; p < end; ++p) {
      const double w = std::exp(scores[static_cast<std::size_t>(p)] - top);
      total += w;
      for (int i = 0; i < stretch.head_size; ++i) {
        sums[static_cast<std::size_t>(i)] += w * as(at(v, head, p, i));
      }
    }
    for (double& sum : sums) sum /= total;
    return sums;
  }
};

TEST(StretchAttention, IsNearTheTruthAtAllSizes) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const int head_size : {1, 16, 64, 72, 80, 96, 129}) {
      for (const std::int64_t tokens : {1, 7, 31, 32, 33, 256, 257}) {
        Case c(2, head_size, tokens, 3);
        EXPECT_LT(c.error_of(c.run(kernels)), 0x1p-8)
            << kernels.name << ", heads of " << head_size << ", " << tokens
            << " tokens";
      }
    }
  }
}

TEST(StretchAttention, RoundingMovesResultsLittle) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    Case c(2, 80, 100, 17);
    EXPECT_LT(c.error_of(c.run(kernels), &unchanged), 0x1p-6) << kernels.name;
  }
}

TEST(StretchAttention, TakesLongStretchesAndTheLargestHeads) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    Case c(1, 256, 513, 5);
    EXPECT_LT(c.error_of(c.run(kernels)), 0x1p-8) << kernels.name;
  }
}

TEST(StretchAttention, GivesTheSameForEveryNumberOfThreads) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    Case c(3, 80, 300, 7);
    EXPECT_EQ(c.run(kernels, 1), c.run(kernels, 5)) << kernels.name;
  }
}

TEST(StretchAttention, PaddingIsSeenAndSeesTheOthersAlone) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const std::int64_t padding : {1, 7, 40, 260}) {
      Case c(1, 64, 300, 19);
      c.stretch.padding = padding;
      EXPECT_LT(c.error_of(c.run(kernels)), 0x1p-8)
          << kernels.name << ", " << padding << " of padding";
    }
  }
}

TEST(StretchAttention, TurnsQueriesAndKeys) {
  Case c(2, 64, 40, 9);
  std::vector<float> cos, sin;
  for (int i = 0; i < 40 * 32; ++i) {
    cos.push_back(std::cos(0.01f * static_cast<float>(i)));
    sin.push_back(std::sin(0.01f * static_cast<float>(i)));
  }
  const RopeRows rope = {.cos = cos.data(), .sin = sin.data(), .dims = 64};
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    Case turning = c;
    turning.stretch.turn.rope = rope;
    const std::vector<float> out = turning.run(kernels);
    Case turned = c;
    ThreadPool pool({.threads = 1});
    transform_heads(pool, turned.q.data(), 40, 2, 64, 0, {.rope = rope});
    transform_heads(pool, turned.k.data(), 40, 2, 64, 0, {.rope = rope});
    EXPECT_LT(turned.error_of(out), 0x1p-8) << kernels.name;
    EXPECT_GT(c.error_of(out), 0x1p-4) << kernels.name;
  }
}

TEST(StretchAttention, EqualRowsSpreadTheirWeightEvenly) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    Case c(1, 32, 290, 11);
    std::fill(c.k.begin(), c.k.end(), 0.5f);
    std::fill(c.v.begin(), c.v.end(), 0.75f);
    for (const float value : c.run(kernels)) ASSERT_EQ(value, 0.75f);
  }
}

TEST(StretchAttention, TakesHugeTinyAndFallingScores) {
  for (const Bf16Kernels& kernels : all_bf16_kernels()) {
    for (const float scale : {1e-30f, 1e4f}) {
      Case c(1, 64, 300, 13);
      // The score of the first position is by far the largest, or of the last.
      for (const std::size_t winner : {std::size_t{0}, std::size_t{299}}) {
        for (float& value : c.q) value = 1;
        for (float& value : c.k) value = 0;
        for (std::size_t i = 0; i < 64; ++i) c.k[winner * 64 + i] = scale;
        EXPECT_LT(c.error_of(c.run(kernels)), 0x1p-7)
            << kernels.name << ", scale " << scale;
      }
    }
  }
}

TEST(StretchAttention, EveryHighwayTargetGivesAboutTheSame) {
  const Bf16Kernels plain = all_bf16_kernels().front();
  on_each_highway_target([&] {
    Case c(2, 80, 65, 15);
    EXPECT_LT(c.error_of(c.run(plain)), 0x1p-8);
  });
}

}  // namespace
}  // namespace abstractllm::ops::cpu
