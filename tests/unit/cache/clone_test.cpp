// Clones of caches, and what caches say of their size in advance.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "cache/kv_cache.h"
#include "cache/recurrent_cache.h"
#include "cache/slab_cache.h"
#include "mlx/mlx.h"
#include "ops/cpu/kv_slab.h"

namespace abstractllm::cache {
namespace {

namespace mx = mlx::core;

constexpr int kWindow = 40;
constexpr std::size_t kPositionBytes = 2 * sizeof(float);

mx::array positions(int first, int count) {
  return mx::reshape(mx::astype(mx::arange(first, first + count), mx::float32),
                     {1, count, 1});
}

// What the cache shows after `count` more positions of its own.
std::vector<float> append(ops::KvLayer& cache, int count, int first) {
  const mx::array rows = positions(first, count);
  const mx::array keys = mx::contiguous(cache.append(rows, rows).keys);
  mx::eval(keys);
  return {keys.data<float>(), keys.data<float>() + keys.size()};
}

TEST(CacheClone, OfArraysGoesItsOwnWay) {
  for (const int window : {0, kWindow}) {
    const auto cache = window > 0 ? make_rotating_cache(window, kPositionBytes)
                                  : make_full_cache(kPositionBytes);
    append(*cache, 20, 0);
    const auto copy = cache->clone();
    EXPECT_EQ(copy->length(), 20);
    const std::vector<float> own = append(*cache, 1, 1000);
    const std::vector<float> copied = append(*copy, 1, 2000);
    ASSERT_EQ(own.size(), copied.size());
    EXPECT_TRUE(std::equal(own.begin(), own.end() - 1, copied.begin()));
    EXPECT_EQ(own.back(), 1000);
    EXPECT_EQ(copied.back(), 2000);
    copy->truncate(10);
    EXPECT_EQ(cache->length(), 21);
  }
}

ops::AttentionSpec slab_spec(int window) {
  ops::AttentionSpec spec;
  spec.heads = 1;
  spec.kv_heads = 1;
  spec.head_dim = 16;
  spec.window = window;
  return spec;
}

void append_slab(ops::cpu::ThreadPool& pool, ops::KvLayer& cache, int count,
                 float value) {
  const std::vector<float> rows(static_cast<std::size_t>(count) * 16, value);
  cache.slab()->append(pool,
                       {.k = rows.data(), .v = rows.data(), .tokens = count});
  cache.reserve(count);
}

// The first value of `position`, as values lie in a page.
float value_at(ops::KvLayer& cache, int position) {
  const auto* values =
      reinterpret_cast<const float*>(cache.slab()->values(0, position));
  return values[position % ops::cpu::kPagePositions * ops::cpu::kKvLanes];
}

TEST(CacheClone, OfASlabSharesPagesUntilOneWrites) {
  ops::cpu::ThreadPool pool({.threads = 1});
  const auto cache = make_slab_cache(slab_spec(0), ops::cpu::KvType::kF32);
  append_slab(pool, *cache, 300, 1);
  const auto copy = cache->clone();
  EXPECT_EQ(copy->length(), 300);
  EXPECT_EQ(copy->slab()->values(0, 299), cache->slab()->values(0, 299));
  copy->truncate(290);
  append_slab(pool, *copy, 10, 2);
  append_slab(pool, *cache, 1, 3);
  EXPECT_EQ(copy->slab()->values(0, 0), cache->slab()->values(0, 0));
  EXPECT_EQ(value_at(*cache, 289), 1);
  EXPECT_EQ(value_at(*copy, 289), 1);
  EXPECT_EQ(value_at(*cache, 290), 1);
  EXPECT_EQ(value_at(*copy, 290), 2);
  EXPECT_EQ(value_at(*cache, 300), 3);
}

TEST(CacheClone, OfAStateIsACopy) {
  const auto cache = make_recurrent_cache(8);
  cache->recurrent()->cpu_window = {1, 2};
  cache->reserve(3);
  const auto copy = cache->clone();
  copy->recurrent()->cpu_window[0] = 5;
  EXPECT_EQ(cache->recurrent()->cpu_window[0], 1);
  EXPECT_EQ(copy->recurrent()->cpu_window[1], 2);
  EXPECT_EQ(copy->length(), 3);
}

TEST(CacheBytes, ArePredictedForEachLength) {
  ops::cpu::ThreadPool pool({.threads = 1});
  for (const int window : {0, kWindow}) {
    const auto slab =
        make_slab_cache(slab_spec(window), ops::cpu::KvType::kF32);
    const auto arrays = window > 0 ? make_rotating_cache(window, kPositionBytes)
                                   : make_full_cache(kPositionBytes);
    EXPECT_EQ(slab->bytes_at(0), 0u);
    EXPECT_EQ(arrays->bytes_at(0), 0u);
    for (int length = 0; length < 1500;) {
      const int count = length % 2 == 0 ? 1 : 64;
      append_slab(pool, *slab, count, 0);
      append(*arrays, count, length);
      length += count;
      ASSERT_LE(slab->bytes(), slab->bytes_at(length)) << length;
      ASSERT_LE(arrays->bytes(), arrays->bytes_at(length)) << length;
    }
    EXPECT_EQ(slab->bytes_at(4000) > slab->bytes_at(2000), window == 0);
    EXPECT_EQ(arrays->bytes_at(4000) > arrays->bytes_at(2000), window == 0);
  }
  EXPECT_EQ(make_recurrent_cache(24)->bytes_at(1), 24u);
  EXPECT_EQ(make_recurrent_cache(24)->bytes_at(5000), 24u);
}

}  // namespace
}  // namespace abstractllm::cache
