// Rows of several matrices as those of one.
// SPDX-License-Identifier: Apache-2.0
#include "io/stacked_matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

using testing::ElementsAre;

WeightMatrix matrix_of(std::int64_t rows, std::int64_t columns,
                       const std::vector<float>& elements) {
  StoredTensor tensor;
  tensor.name = "w";
  tensor.type = StorageType::kF32;
  tensor.shape = {rows, columns};
  tensor.file = base::MappedFile::in_memory(std::as_bytes(std::span(elements)),
                                            "test.safetensors");
  tensor.bytes = tensor.file->bytes();
  return WeightMatrix::plain(tensor);
}

// Two codes of 8 bits a word of four, all of one group.
WeightMatrix quantised(std::uint32_t word, float scale, float bias) {
  const auto tensor = [](StorageType type, std::vector<std::int64_t> shape,
                         std::span<const std::byte> bytes) {
    StoredTensor made;
    made.name = "q";
    made.type = type;
    made.shape = std::move(shape);
    made.file = base::MappedFile::in_memory(bytes, "test.safetensors");
    made.bytes = made.file->bytes();
    return made;
  };
  const std::vector<std::uint32_t> words(8, word);
  return WeightMatrix::mlx_affine(
      tensor(StorageType::kU32, {1, 8}, std::as_bytes(std::span(words))),
      tensor(StorageType::kF32, {1, 1}, std::as_bytes(std::span(&scale, 1))),
      tensor(StorageType::kF32, {1, 1}, std::as_bytes(std::span(&bias, 1))),
      {.group_size = 32, .bits = 8});
}

TEST(StackedMatrix, HasTheRowsOfAllPartsInOrder) {
  const WeightMatrix stacked =
      stack_matrices({matrix_of(1, 2, {1, 2}), matrix_of(2, 2, {3, 4, 5, 6})});
  ASSERT_EQ(stacked.rows(), 3);
  EXPECT_EQ(stacked.encoding(), WeightEncoding::kDense);
  std::vector<float> row(2);
  stacked.read_row(0, row);
  EXPECT_THAT(row, ElementsAre(1, 2));
  stacked.read_row(2, row);
  EXPECT_THAT(row, ElementsAre(5, 6));
}

TEST(StackedMatrix, StaysPackedWhereAllPartsAre) {
  const WeightMatrix first = quantised(0x01010101, 2, 1);
  const WeightMatrix second = quantised(0x03030303, 4, -1);
  const WeightMatrix stacked = stack_matrices({first, second});
  ASSERT_EQ(stacked.encoding(), WeightEncoding::kAffine);
  std::vector<std::uint8_t> codes(32);
  std::vector<float> scales(1);
  std::vector<float> biases(1);
  stacked.read_row_affine(1, codes, scales, biases);
  EXPECT_THAT(codes, testing::Each(3));
  EXPECT_EQ(scales[0], 4);
  EXPECT_EQ(biases[0], -1);
  std::vector<float> row(32);
  stacked.read_row(0, row);
  EXPECT_THAT(row, testing::Each(3));
}

TEST(StackedMatrix, MixedPartsAreWidened) {
  const WeightMatrix stacked = stack_matrices(
      {quantised(0, 1, 7), matrix_of(1, 32, std::vector<float>(32, 5.0f))});
  EXPECT_EQ(stacked.encoding(), WeightEncoding::kDense);
  std::vector<float> row(32);
  stacked.read_row(0, row);
  EXPECT_THAT(row, testing::Each(7));
}

TEST(StackedMatrix, RefusesOtherColumns) {
  EXPECT_THROW(
      stack_matrices({matrix_of(1, 2, {1, 2}), matrix_of(1, 3, {1, 2, 3})}),
      ModelLoadingError);
}

}  // namespace
}  // namespace abstractllm::io
