// Layouts that weights are packed in.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/packed_matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "abstractllm/error.h"
#include "ops/cpu/half.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::TestMatrix;
using Scales = TestMatrix::Scales;

TEST(PackedMatrix, KeepsAboutTheStoredSize) {
  ThreadPool pool({.threads = 1});
  const WeightShape shape{.rows = 64,
                          .columns = 512,
                          .encoding = WeightEncoding::kAffine,
                          .bits = 4,
                          .group = 32};
  const auto bytes = [&](Scales scales, bool round) {
    return PackedMatrix::pack(TestMatrix(shape, 1, scales), pool,
                              {.round_scales = round})
        .bytes();
  };
  const std::int64_t codes = 64 * 512 / 2;
  const std::int64_t groups = 64 * 512 / 32;
  EXPECT_EQ(bytes(Scales::kSymmetric, false), codes + 2 * groups);
  EXPECT_EQ(bytes(Scales::kF16, false), codes + 4 * groups);
  EXPECT_EQ(bytes(Scales::kBF16, false), codes + 4 * groups);
  EXPECT_EQ(bytes(Scales::kF32, false), codes + 8 * groups);
  EXPECT_EQ(bytes(Scales::kF32, true), codes + 4 * groups);
}

/// A symmetric matrix but for one group of one late row.
class OddRow final : public RowSource {
 public:
  explicit OddRow(WeightShape shape) : regular_(shape, 1, Scales::kSymmetric) {}
  WeightShape shape() const override { return regular_.shape(); }
  void read_row(std::int64_t, float*) const override {}
  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override {
    regular_.read_codes(row, codes, scales, biases);
    if (row == shape().rows - 1) {
      scales[0] = 1.0f / 3.0f;
      biases[0] = 0.125f;
    }
  }

 private:
  TestMatrix regular_;
};

/// Rows as a file has them, not aligned.
class StoredRows final : public RowSource {
 public:
  explicit StoredRows(const TestMatrix& rows)
      : shape_(rows.shape()),
        width_(shape_.columns *
               (shape_.encoding == WeightEncoding::kF32 ? 4 : 2)),
        bytes_(static_cast<std::size_t>(1 + shape_.rows * width_)) {
    for (std::int64_t i = 0; i < shape_.rows * shape_.columns; ++i) {
      const float value = rows.values()[static_cast<std::size_t>(i)];
      if (shape_.encoding == WeightEncoding::kF32) {
        std::memcpy(&bytes_[static_cast<std::size_t>(1 + 4 * i)], &value, 4);
        continue;
      }
      const std::uint16_t half = shape_.encoding == WeightEncoding::kF16
                                     ? float_to_f16(value)
                                     : float_to_bf16(value);
      std::memcpy(&bytes_[static_cast<std::size_t>(1 + 2 * i)], &half, 2);
    }
  }
  WeightShape shape() const override { return shape_; }
  void read_row(std::int64_t, float*) const override { ADD_FAILURE(); }
  const std::byte* stored_row(std::int64_t row) const override {
    return bytes_.data() + 1 + row * width_;
  }
  void read_codes(std::int64_t, std::uint8_t*, float*, float*) const override {}

 private:
  WeightShape shape_;
  std::int64_t width_;
  std::vector<std::byte> bytes_;
};

// Tiles fetch what lies ahead, each a share of its chunk: all of it, and hardly
// anything twice.
TEST(PanelLayout, TheSharesOfTilesMakeUpAChunk) {
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group : {16, 32, 64, 128}) {
      for (const bool bias : {false, true}) {
        const PanelLayout layout({.rows = 16,
                                  .columns = 256 + 96,
                                  .encoding = WeightEncoding::kAffine,
                                  .bits = bits,
                                  .group = group},
                                 ScaleFormat::kF32, bias);
        for (int chunk = 0; chunk < 2; ++chunk) {
          const ChunkLayout& parts = layout.chunk_at(chunk);
          const int tiles = layout.chunk_tiles(chunk);
          EXPECT_GE(parts.share * tiles, parts.bytes);
          EXPECT_LT(parts.share * tiles, parts.bytes + tiles);
        }
      }
    }
  }
}

TEST(PackedMatrix, StoredRowsPackAsThoseThatAreConverted) {
  ThreadPool pool({.threads = 2});
  for (const WeightEncoding encoding :
       {WeightEncoding::kF32, WeightEncoding::kF16, WeightEncoding::kBF16}) {
    for (const std::int64_t columns : {1, 2, 31, 64, 307}) {
      const TestMatrix rows(
          {.rows = 37, .columns = columns, .encoding = encoding}, 4);
      const PackedMatrix converted = PackedMatrix::pack(rows, pool);
      const PackedMatrix stored = PackedMatrix::pack(StoredRows(rows), pool);
      ASSERT_EQ(stored.bytes(), converted.bytes());
      EXPECT_EQ(std::memcmp(stored.panel(0), converted.panel(0),
                            static_cast<std::size_t>(stored.bytes())),
                0)
          << columns << " columns";
    }
  }
}

TEST(PackedMatrix, PacksAgainWhenALateRowDoesNotFit) {
  ThreadPool pool({.threads = 2});
  const OddRow source({.rows = 40,
                       .columns = 64,
                       .encoding = WeightEncoding::kAffine,
                       .bits = 4,
                       .group = 32});
  const PackedMatrix packed =
      PackedMatrix::pack(source, pool, {.round_scales = false});
  std::vector<std::uint8_t> codes(64);
  float scales[2];
  float biases[2];
  for (const std::int32_t row : {0, 39}) {
    source.read_codes(row, codes.data(), scales, biases);
    std::vector<float> values(64);
    packed.gather_rows(std::vector<std::int32_t>{row}, values.data());
    for (std::size_t i = 0; i < 64; ++i) {
      EXPECT_FLOAT_EQ(values[i], scales[i / 32] * static_cast<float>(codes[i]) +
                                     biases[i / 32]);
    }
  }
}

// A matrix whose scales are `usual` but for one.
class OneScaleApart final : public RowSource {
 public:
  OneScaleApart(float usual, float other) : usual_(usual), other_(other) {}
  WeightShape shape() const override {
    return {.rows = 160,
            .columns = 64,
            .encoding = WeightEncoding::kAffine,
            .bits = 4,
            .group = 32};
  }
  void read_row(std::int64_t, float*) const override {}
  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override {
    std::fill_n(codes, 64, std::uint8_t{3});
    for (int g = 0; g < 2; ++g) {
      scales[g] = row == 100 && g == 1 ? other_ : usual_;
      biases[g] = -8 * scales[g];
    }
  }

 private:
  float usual_, other_;
};

TEST(PackedMatrix, OneScaleDoesNotWidenThoseOfTheOthers) {
  ThreadPool pool({.threads = 2});
  const auto format = [&](float usual, float other, bool rounds) {
    return PackedMatrix::pack(OneScaleApart(usual, other), pool,
                              {.round_scales = rounds})
        .layout()
        .scale_format;
  };
  // Too small for all digits of f16, and nothing beside the other of its row.
  EXPECT_EQ(format(0.25f, 1.1e-7f, true), ScaleFormat::kF16);
  // Exact in bf16, as all of the others are.
  EXPECT_EQ(format(0.25f, 0x1p-40f, false), ScaleFormat::kBF16);
  EXPECT_EQ(format(0.25f, 1e6f, true), ScaleFormat::kF32);
  EXPECT_EQ(format(0.25f, 0x1.8p+17f, true), ScaleFormat::kBF16);
}

TEST(PackedMatrix, ASecondAttemptTakesTheMemoryOfTheFirst) {
  ThreadPool pool({.threads = 1});
  WeightArena arena;
  const PackedMatrix before =
      PackedMatrix::pack(OneScaleApart(0.25f, 0.5f), pool, {.arena = &arena});
  const PackedMatrix twice =
      PackedMatrix::pack(OneScaleApart(0.25f, 1e6f), pool, {.arena = &arena});
  EXPECT_EQ(twice.panel(0), before.end());
}

TEST(PackedMatrix, RefusesMxfp4ScalesThatAreNoPowersOfTwo) {
  ThreadPool pool({.threads = 1});
  // Every other scale is negative.
  const TestMatrix negative({.rows = 16,
                             .columns = 64,
                             .encoding = WeightEncoding::kMxfp4,
                             .bits = 4,
                             .group = 32},
                            1, Scales::kSymmetric);
  EXPECT_THROW(PackedMatrix::pack(negative, pool), ModelLoadingError);
}

TEST(PackedMatrix, RefusesShapesThatNoKernelKnows) {
  ThreadPool pool({.threads = 1});
  for (const WeightShape& shape : {WeightShape{.rows = 0, .columns = 4},
                                   WeightShape{.rows = 4,
                                   .columns = 64,
                                   .encoding = WeightEncoding::kAffine,
                                   .bits = 7,
                                   .group = 32},
                                   WeightShape{.rows = 4,
                                   .columns = 64,
                                   .encoding = WeightEncoding::kAffine,
                                   .bits = 4,
                                   .group = 48}}) {
    class Empty final : public RowSource {
     public:
      explicit Empty(WeightShape shape) : shape_(shape) {}
      WeightShape shape() const override { return shape_; }
      void read_row(std::int64_t, float*) const override {}
      void read_codes(std::int64_t, std::uint8_t*, float*,
                      float*) const override {}

     private:
      WeightShape shape_;
    };
    EXPECT_THROW(PackedMatrix::pack(Empty(shape), pool), ModelLoadingError);
  }
}

}  // namespace
}  // namespace abstractllm::ops::cpu
