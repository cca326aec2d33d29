// Cache kinds against a plain list of what was appended.
// SPDX-License-Identifier: Apache-2.0
#include "cache/kv_cache.h"

#include <gtest/gtest.h>

#include <vector>

#include "mlx/mlx.h"

namespace abstractllm::cache {
namespace {

namespace mx = mlx::core;

constexpr int kHeads = 2;
constexpr int kHeadDim = 4;
constexpr std::size_t kPositionBytes = 2 * kHeads * kHeadDim * sizeof(float);

// Position p of head h holds the value 100 * h + p everywhere.
mx::array rows_of_positions(int first, int count) {
  std::vector<float> values;
  for (int head = 0; head < kHeads; ++head) {
    for (int p = first; p < first + count; ++p) {
      values.insert(values.end(), kHeadDim,
                    static_cast<float>(100000 * head + p));
    }
  }
  return mx::array(values.data(), {kHeads, count, kHeadDim});
}

void expect_positions(const mx::array& rows, int first, int count) {
  ASSERT_EQ(rows.shape(), (mx::Shape{kHeads, count, kHeadDim}));
  EXPECT_TRUE(
      mx::array_equal(rows, rows_of_positions(first, count)).item<bool>())
      << "positions " << first << " to " << first + count - 1;
}

void append(ops::KvLayer& cache, int count) {
  const int first = cache.length();
  const mx::array rows = rows_of_positions(first, count);
  const ops::KvView view = cache.append(rows, rows);
  EXPECT_EQ(cache.length(), first + count);
  const int stored = view.keys.shape(1);
  EXPECT_EQ(view.first_position + stored, first + count);
  expect_positions(view.keys, view.first_position, stored);
  expect_positions(view.values, view.first_position, stored);
}

TEST(FullCache, ShowsEveryPositionAcrossGrowth) {
  const auto cache = make_full_cache(kPositionBytes);
  for (const int count : {1, 7, 255, 1, 300, 1}) append(*cache, count);
  EXPECT_EQ(cache->length(), 565);
  EXPECT_GT(cache->bytes(), 0u);
}

TEST(FullCache, ForgetsWhatIsTruncated) {
  const auto cache = make_full_cache(kPositionBytes);
  append(*cache, 20);
  ASSERT_TRUE(cache->can_truncate(5));
  cache->truncate(5);
  EXPECT_EQ(cache->length(), 5);
  append(*cache, 3);
}

TEST(RotatingCache, ShowsTheWindowOfEachNewPosition) {
  constexpr int kWindow = 16;
  const auto cache = make_rotating_cache(kWindow, kPositionBytes);
  int length = 0;
  for (const int count : {1, 40, 1, 1, 600, 1, 13, 1, 900, 1}) {
    const mx::array rows = rows_of_positions(length, count);
    const ops::KvView view = cache->append(rows, rows);
    length += count;
    const int visible = std::min(length, count + kWindow - 1);
    EXPECT_EQ(view.first_position, length - visible);
    expect_positions(view.keys, length - visible, visible);
    expect_positions(view.values, length - visible, visible);
  }
}

TEST(RotatingCache, GoesBackOnlyWhereTheWindowIsStillThere) {
  constexpr int kWindow = 8;
  const auto cache = make_rotating_cache(kWindow, kPositionBytes);
  append(*cache, 5);
  EXPECT_TRUE(cache->can_truncate(0));
  for (int i = 0; i < 2000; ++i) {
    const mx::array rows = rows_of_positions(cache->length(), 1);
    const ops::KvView view = cache->append(rows, rows);
    mx::eval(view.keys, view.values);
  }
  EXPECT_FALSE(cache->can_truncate(3));
  const int length = cache->length();
  EXPECT_TRUE(cache->can_truncate(length));
  ASSERT_LT(cache->bytes(), 100000u) << "a rotating cache must not grow";
}

}  // namespace
}  // namespace abstractllm::cache
