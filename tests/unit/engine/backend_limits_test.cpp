// SPDX-License-Identifier: Apache-2.0
#include "engine/backend_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mlx/device.h"
#include "mlx/fast.h"
#include "mlx/ops.h"
#include "mlx/random.h"
#include "mlx/transforms.h"

namespace abstractllm::engine {
namespace {

namespace mx = mlx::core;
using testing::HasSubstr;

AttentionShape heads_of(int size) {
  return {.heads = 32, .kv_heads = 8, .head_dim = size, .value_dim = size};
}

TEST(BackendLimits, HeadSize80OnMetalDecodesUnfused) {
  const KernelPath decode =
      attention_path(Target::kMetal, Phase::kDecode, heads_of(80));
  EXPECT_EQ(decode.route, Route::kUnfused);
  EXPECT_THAT(decode.because, HasSubstr("head size 80 has no kernel"));
  EXPECT_THAT(decode.because, HasSubstr("instead"));
  EXPECT_EQ(attention_path(Target::kMetal, Phase::kPrefill, heads_of(80)).route,
            Route::kFused);
  EXPECT_EQ(attention_path(Target::kCpu, Phase::kDecode, heads_of(512)).route,
            Route::kFused);
  EXPECT_EQ(attention_path(Target::kCpu, Phase::kDecode, heads_of(528)).route,
            Route::kUnfused);
  EXPECT_EQ(attention_path(Target::kCpu, Phase::kDecode, heads_of(80)).route,
            Route::kFused);
  EXPECT_EQ(attention_path(Target::kCuda, Phase::kDecode, heads_of(80)).route,
            Route::kUnfused);
}

TEST(BackendLimits, EveryShapeHasAPathWithAReason) {
  for (const Target target : kTargets) {
    for (const Phase phase : {Phase::kDecode, Phase::kPrefill}) {
      for (int size = 1; size <= 600; ++size) {
        AttentionShape shape = heads_of(size);
        EXPECT_FALSE(attention_path(target, phase, shape).because.empty());
        shape.softcap = true;
        EXPECT_FALSE(attention_path(target, phase, shape).because.empty());
        shape.value_dim = 7;
        EXPECT_FALSE(attention_path(target, phase, shape).because.empty());
      }
    }
    for (int bits = 1; bits <= 32; ++bits) {
      for (const int group : {0, 16, 32, 64, 128, 256}) {
        EXPECT_FALSE(matmul_path(target, {100, 100, bits, group, false})
                         .because.empty());
      }
    }
  }
}

TEST(BackendLimits, OwnKernelsFillUpWhatIsNoMultipleOf16) {
  const KernelPath head =
      attention_path(Target::kCpu, Phase::kDecode, heads_of(72));
  EXPECT_EQ(head.route, Route::kPadded);
  EXPECT_THAT(head.because, HasSubstr("from head size 72 up to 80"));
  const KernelPath rows = matmul_path(Target::kCpu, {32001, 64, 16, 0, false});
  EXPECT_EQ(rows.route, Route::kPadded);
  EXPECT_THAT(rows.because, HasSubstr("32001 rows filled up to 32016"));
  EXPECT_EQ(matmul_path(Target::kCpu, {32000, 64, 16, 0, false}).route,
            Route::kFused);
}

TEST(BackendLimits, AlibiHasNoKernelForOneTokenOnCuda) {
  AttentionShape bloom = heads_of(128);
  bloom.alibi = true;
  const KernelPath decode =
      attention_path(Target::kCuda, Phase::kDecode, bloom);
  EXPECT_EQ(decode.route, Route::kUnfused);
  EXPECT_THAT(decode.because, HasSubstr("ALiBi"));
  for (const Target target : {Target::kMetal, Target::kCuda, Target::kCpu}) {
    EXPECT_EQ(attention_path(target, Phase::kPrefill, bloom).route,
              Route::kFused);
  }
  EXPECT_EQ(attention_path(Target::kMetal, Phase::kDecode, bloom).route,
            Route::kFused);
}

TEST(BackendLimits, KnowWhatKeepsAKernelAway) {
  const auto decode = [](AttentionShape shape) {
    return attention_path(Target::kMetal, Phase::kDecode, shape);
  };
  EXPECT_EQ(decode(heads_of(128)).route, Route::kFused);
  AttentionShape capped = heads_of(256);
  capped.softcap = true;
  EXPECT_THAT(decode(capped).because, HasSubstr("cap"));
  EXPECT_THAT(
      decode({.heads = 64, .kv_heads = 1, .head_dim = 64, .value_dim = 64})
          .because,
      HasSubstr("64 heads share a key"));
  EXPECT_EQ(
      decode({.heads = 16, .kv_heads = 16, .head_dim = 192, .value_dim = 128})
          .route,
      Route::kFused);
  EXPECT_EQ(matmul_path(Target::kMetal, {64, 64, 6, 16, false}).route,
            Route::kUnfused);
  EXPECT_THAT(matmul_path(Target::kCuda, {100, 64, 4, 64, false}).because,
              HasSubstr("without tensor cores"));
  EXPECT_THAT(matmul_path(Target::kCuda, {256, 64, 4, 64, false}).because,
              HasSubstr("on tensor cores"));
}

TEST(BackendLimits, TellAKernelThatIsNotChosenFromNone) {
  for (const int size : {192, 256}) {
    const KernelPath prefill =
        attention_path(Target::kMetal, Phase::kPrefill, heads_of(size));
    EXPECT_EQ(prefill.route, Route::kUnfused);
    EXPECT_THAT(prefill.because, HasSubstr("MLX prefers its plain products"));
  }
  EXPECT_EQ(attention_path(Target::kMetal, Phase::kDecode, heads_of(256)).route,
            Route::kFused);
  EXPECT_THAT(
      attention_path(Target::kMetal, Phase::kPrefill, heads_of(112)).because,
      HasSubstr("has no kernel"));
}

// What the table calls a path is one on the devices that are here.
TEST(BackendLimits, StockAttentionTakesTheSizesOfTheTable) {
  for (const int size : {64, 72, 80, 96, 112, 128, 192, 256}) {
    for (const int queries : {1, 2, 9, 32}) {
      const mx::array q = mx::random::normal({1, 4, queries, size});
      const mx::array k = mx::random::normal({1, 2, 40, size});
      const mx::array v = mx::random::normal({1, 2, 40, size});
      const mx::array y =
          mx::fast::scaled_dot_product_attention(q, k, v, 0.1f, "causal");
      const mx::array finite = mx::all(mx::isfinite(y));
      EXPECT_EQ(y.shape(), (mx::Shape{1, 4, queries, size}));
      EXPECT_TRUE(mx::array(finite).item<bool>()) << size << ", " << queries;
    }
  }
}

TEST(BackendLimits, RowsSayWhereTheyComeFrom) {
  for (const FusedAttention& row : fused_attention_limits()) {
    EXPECT_THAT(std::string(row.source), HasSubstr("mlx/backend/"));
    EXPECT_TRUE(!row.head_dims.empty() || row.multiple > 0);
  }
}

}  // namespace
}  // namespace abstractllm::engine
