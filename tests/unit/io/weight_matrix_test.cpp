// SPDX-License-Identifier: Apache-2.0
#include "io/weight_matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "abstractllm/error.h"
#include "io/half.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::HasSubstr;

template <typename T>
StoredTensor tensor_of(StorageType type, std::vector<std::int64_t> shape,
                       const std::vector<T>& elements) {
  StoredTensor tensor;
  tensor.name = "w";
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.file = base::MappedFile::in_memory(std::as_bytes(std::span(elements)),
                                            "test.safetensors");
  tensor.bytes = tensor.file->bytes();
  return tensor;
}

std::vector<float> row_of(const WeightMatrix& matrix, std::int64_t row) {
  std::vector<float> values(static_cast<std::size_t>(matrix.columns()));
  matrix.read_row(row, values);
  return values;
}

// The row through codes, scales and biases.
std::vector<float> affine_row_of(const WeightMatrix& matrix, std::int64_t row) {
  const auto columns = static_cast<std::size_t>(matrix.columns());
  const auto group = static_cast<std::size_t>(matrix.group_size());
  std::vector<std::uint8_t> codes(columns);
  std::vector<float> scales(columns / group);
  std::vector<float> biases(columns / group);
  matrix.read_row_affine(row, codes, scales, biases);
  std::vector<float> values(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    EXPECT_LT(codes[i], 1 << matrix.affine_bits());
    values[i] =
        scales[i / group] * static_cast<float>(codes[i]) + biases[i / group];
  }
  return values;
}

const std::vector<float> kNumbers = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

TEST(WeightMatrix, ReadsDenseRows) {
  const auto matrix =
      WeightMatrix::plain(tensor_of(StorageType::kF32, {4, 3}, kNumbers));
  EXPECT_EQ(matrix.rows(), 4);
  EXPECT_EQ(matrix.columns(), 3);
  EXPECT_EQ(matrix.encoding(), WeightEncoding::kDense);
  EXPECT_EQ(matrix.bits(), 32);
  EXPECT_EQ(matrix.group_size(), 0);
  EXPECT_EQ(matrix.stored_bytes(), 48u);
  EXPECT_THAT(row_of(matrix, 2), testing::ElementsAre(7, 8, 9));
}

TEST(WeightMatrix, FlattensLeadingDimensions) {
  const auto stack =
      WeightMatrix::plain(tensor_of(StorageType::kF32, {2, 2, 3}, kNumbers));
  EXPECT_EQ(stack.rows(), 4);
  EXPECT_THAT(stack.leading_shape(), testing::ElementsAre(2, 2));
  const auto second = stack.slice_rows(2, 2);
  EXPECT_THAT(row_of(second, 1), testing::ElementsAre(10, 11, 12));
  EXPECT_EQ(second.stored_bytes(), 24u);
  EXPECT_EQ(second.stored_block().size(), 24u);
  const auto single =
      WeightMatrix::plain(tensor_of(StorageType::kF32, {12}, kNumbers));
  EXPECT_EQ(single.rows(), 1);
  EXPECT_EQ(single.columns(), 12);
}

TEST(WeightMatrix, PermutesAndSlicesInAnyOrder) {
  const auto matrix =
      WeightMatrix::plain(tensor_of(StorageType::kF32, {4, 3}, kNumbers));
  const auto reversed = matrix.permute_rows({3, 2, 1, 0});
  EXPECT_EQ(row_of(reversed, 0)[0], 10);
  const auto middle = reversed.slice_rows(1, 2);
  EXPECT_EQ(row_of(middle, 0)[0], 7);
  const auto swapped = middle.permute_rows({1, 0, 1});
  EXPECT_EQ(swapped.rows(), 3);
  EXPECT_EQ(row_of(swapped, 0)[0], 4);
  EXPECT_EQ(row_of(swapped, 1)[0], 7);
  EXPECT_EQ(row_of(swapped, 2)[0], 4);
  EXPECT_EQ(row_of(matrix.slice_rows(1, 3).permute_rows({2, 0}), 0)[0], 10);
  EXPECT_TRUE(swapped.stored_block().empty());
  EXPECT_EQ(swapped.stored_row(1).data(), matrix.stored_row(2).data());
}

TEST(WeightMatrix, RefusesRowsOutOfRange) {
  const auto matrix =
      WeightMatrix::plain(tensor_of(StorageType::kF32, {4, 3}, kNumbers));
  EXPECT_THROW(matrix.slice_rows(2, 3), InternalError);
  EXPECT_THROW(matrix.slice_rows(-1, 1), InternalError);
  EXPECT_THROW(matrix.slice_rows(5, 0), InternalError);
  EXPECT_THROW(matrix.permute_rows({4}), InternalError);
  EXPECT_THROW(matrix.permute_rows({-1}), InternalError);
  std::vector<std::uint8_t> codes(3);
  std::vector<float> none;
  EXPECT_THROW(matrix.read_row_affine(0, codes, none, none), InternalError);
  EXPECT_THROW(matrix.read_row_mxfp4(0, codes, codes), InternalError);
}

TEST(WeightMatrix, RefusesTypesThatItCannotDecodeByName) {
  for (const auto& [type, name] : {std::pair{StorageType::kQ8_1, "Q8_1"},
                                   std::pair{StorageType::kI32, "I32"}}) {
    const auto tensor =
        tensor_of(type, {1, 256}, std::vector<std::uint8_t>(1024));
    EXPECT_THAT(
        message_of<ModelLoadingError>([&] { WeightMatrix::plain(tensor); }),
        testing::AllOf(HasSubstr("'w'"), HasSubstr("test.safetensors"),
                       HasSubstr(name)));
  }
}

TEST(WeightMatrix, RefusesEmptyTensors) {
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{0, 1ll << 40}, {1ll << 40, 0}, {0}}) {
    const auto tensor =
        tensor_of(StorageType::kF32, shape, std::vector<float>());
    EXPECT_THAT(
        message_of<ModelLoadingError>([&] { WeightMatrix::plain(tensor); }),
        HasSubstr("without elements"));
  }
}

struct AffineCase {
  int bits, group;
  StorageType scale_type;
};

class MlxAffineTest : public testing::TestWithParam<AffineCase> {};

TEST_P(MlxAffineTest, ReadsCodesScalesAndBiases) {
  const auto [bits, group, scale_type] = GetParam();
  constexpr int kRows = 3;
  constexpr int kColumns = 256;
  std::mt19937 random(5);
  std::vector<std::uint8_t> packed(kRows * kColumns * bits / 8);
  for (auto& byte : packed) byte = static_cast<std::uint8_t>(random());
  const int groups = kColumns / group;
  std::vector<float> numbers[2];
  StoredTensor stored[2];
  for (int which = 0; which < 2; ++which) {
    std::vector<std::uint16_t> halves;
    for (int i = 0; i < kRows * groups; ++i) {
      // 8 bits of mantissa, exact in each of the types
      const float value = static_cast<float>(random() % 256) / 64.0f - 2.0f;
      numbers[which].push_back(value);
      halves.push_back(scale_type == StorageType::kF16 ? f32_to_f16(value)
                                                       : f32_to_bf16(value));
    }
    stored[which] = scale_type == StorageType::kF32
                        ? tensor_of(scale_type, {kRows, groups}, numbers[which])
                        : tensor_of(scale_type, {kRows, groups}, halves);
  }
  const auto weight =
      tensor_of(StorageType::kU32, {kRows, kColumns * bits / 32}, packed);
  const auto matrix = WeightMatrix::mlx_affine(
      weight, stored[0], stored[1], {.group_size = group, .bits = bits});
  EXPECT_EQ(matrix.encoding(), WeightEncoding::kAffine);
  EXPECT_EQ(matrix.columns(), kColumns);
  EXPECT_EQ(matrix.bits(), bits);
  EXPECT_EQ(matrix.group_size(), group);
  EXPECT_EQ(
      matrix.stored_bytes(),
      weight.bytes.size() + stored[0].bytes.size() + stored[1].bytes.size());
  for (int row = 0; row < kRows; ++row) {
    const auto values = row_of(matrix, row);
    EXPECT_EQ(affine_row_of(matrix, row), values);
    for (int i = 0; i < kColumns; ++i) {
      int code = 0;
      for (int b = 0; b < bits; ++b) {
        const int at = (row * kColumns + i) * bits + b;
        code |= (packed[at / 8] >> (at % 8) & 1) << b;
      }
      const int g = row * groups + i / group;
      ASSERT_EQ(values[i],
                numbers[0][g] * static_cast<float>(code) + numbers[1][g]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryWidth, MlxAffineTest,
                         testing::Values(AffineCase{2, 32, StorageType::kF32},
                                         AffineCase{3, 64, StorageType::kF16},
                                         AffineCase{4, 64, StorageType::kBF16},
                                         AffineCase{4, 128, StorageType::kF16},
                                         AffineCase{5, 32, StorageType::kBF16},
                                         AffineCase{6, 64, StorageType::kF32},
                                         AffineCase{8, 16,
                                                    StorageType::kBF16}));

TEST(MlxAffine, RefusesShapesThatDoNotFit) {
  const std::vector<std::uint32_t> words(2 * 8);
  const std::vector<float> numbers(4);
  const auto weight = tensor_of(StorageType::kU32, {2, 8}, words);
  const auto scales = tensor_of(StorageType::kF32, {2, 2}, numbers);
  const auto wrong = tensor_of(StorageType::kF32, {4, 1}, numbers);
  const auto build = [&](const StoredTensor& w, const StoredTensor& s,
                         const StoredTensor& b, int group, int bits) {
    return message_of<ModelLoadingError>([&] {
      WeightMatrix::mlx_affine(w, s, b, {.group_size = group, .bits = bits});
    });
  };
  WeightMatrix::mlx_affine(weight, scales, scales,
                           {.group_size = 32, .bits = 4});
  EXPECT_THAT(build(weight, scales, wrong, 32, 4),
              HasSubstr("expected [2, 2]"));
  EXPECT_THAT(build(weight, wrong, scales, 32, 4),
              HasSubstr("expected [2, 2]"));
  EXPECT_THAT(build(weight, scales, scales, 64, 4),
              HasSubstr("expected [2, 1]"));
  EXPECT_THAT(build(weight, scales, scales, 32, 7), HasSubstr("7 bits"));
  EXPECT_THAT(build(weight, scales, scales, 48, 4), HasSubstr("groups of 48"));
  EXPECT_THAT(build(weight, scales, scales, 32, 6), HasSubstr("no whole"));
  EXPECT_THAT(build(scales, scales, scales, 32, 4), HasSubstr("U32"));
  EXPECT_THAT(build(weight, weight, scales, 32, 4), HasSubstr("F16 or BF16"));
}

// By the definition of e2m1: sign, two bits of exponent, one of mantissa.
float e2m1(int code) {
  const int exponent = code >> 1 & 3;
  const float mantissa = static_cast<float>(code & 1) / 2;
  const float value =
      exponent == 0 ? mantissa : std::ldexp(1.0f + mantissa, exponent - 1);
  return code & 8 ? -value : value;
}

TEST(Mxfp4, ReadsBothLayoutsAndGgufBlocks) {
  constexpr int kRows = 2, kGroups = 3, kColumns = 32 * kGroups;
  std::mt19937 random(11);
  std::vector<std::uint8_t> packed(kRows * kColumns / 2);
  for (auto& byte : packed) byte = static_cast<std::uint8_t>(random());
  std::vector<std::uint8_t> powers(kRows * kGroups);
  for (auto& power : powers) {
    power = static_cast<std::uint8_t>(110 + random() % 30);
  }
  powers[0] = 0;
  std::vector<std::uint8_t> blocks;  // the same numbers in ggml's order
  const auto code_of = [&](int element) {
    return packed[element / 2] >> (element % 2 * 4) & 15;
  };
  for (int g = 0; g < kRows * kGroups; ++g) {
    blocks.push_back(powers[g]);
    for (int i = 0; i < 16; ++i) {
      blocks.push_back(static_cast<std::uint8_t>(
          code_of(32 * g + i) | code_of(32 * g + 16 + i) << 4));
    }
  }
  const auto scales = tensor_of(StorageType::kU8, {kRows, kGroups}, powers);
  const WeightMatrix forms[] = {
      WeightMatrix::mxfp4(
          tensor_of(StorageType::kU32, {kRows, kColumns / 8}, packed), scales),
      WeightMatrix::mxfp4(
          tensor_of(StorageType::kU8, {kRows, kGroups, 16}, packed), scales),
      WeightMatrix::plain(
          tensor_of(StorageType::kMxfp4, {kRows, kColumns}, blocks)),
  };
  for (const WeightMatrix& matrix : forms) {
    EXPECT_EQ(matrix.encoding(), WeightEncoding::kMxfp4);
    EXPECT_EQ(matrix.rows(), kRows);
    EXPECT_EQ(matrix.columns(), kColumns);
    EXPECT_EQ(matrix.bits(), 4);
    EXPECT_EQ(matrix.stored_bytes(), packed.size() + powers.size());
    for (int row = 0; row < kRows; ++row) {
      const auto values = row_of(matrix, row);
      EXPECT_EQ(affine_row_of(matrix, row), values);
      std::vector<std::uint8_t> codes(kColumns);
      std::vector<std::uint8_t> row_powers(kGroups);
      matrix.read_row_mxfp4(row, codes, row_powers);
      for (int i = 0; i < kColumns; ++i) {
        const int at = row * kColumns + i;
        const int power = powers[at / 32];
        ASSERT_EQ(codes[i], code_of(at));
        ASSERT_EQ(row_powers[i / 32], power);
        ASSERT_EQ(values[i], std::ldexp(e2m1(code_of(at)), power - 127)) << i;
      }
    }
  }
}

TEST(Mxfp4, RefusesShapesThatDoNotFit) {
  const std::vector<std::uint8_t> bytes(64);
  const auto weight = tensor_of(StorageType::kU32, {2, 8}, bytes);
  const auto build = [&](const StoredTensor& w, const StoredTensor& s) {
    return message_of<ModelLoadingError>([&] { WeightMatrix::mxfp4(w, s); });
  };
  EXPECT_THAT(build(weight, tensor_of(StorageType::kU8, {2, 3}, bytes)),
              HasSubstr("expected [2, 2]"));
  EXPECT_THAT(build(weight, tensor_of(StorageType::kF32, {2, 2}, bytes)),
              HasSubstr("scales of type U8"));
  EXPECT_THAT(build(tensor_of(StorageType::kU8, {2, 8}, bytes),
                    tensor_of(StorageType::kU8, {2, 2}, bytes)),
              HasSubstr("expected mxfp4 codes"));
}

}  // namespace
}  // namespace abstractllm::io
