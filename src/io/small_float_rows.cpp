// FP8 and NVFP4, and MLX's modes of them.
// SPDX-License-Identifier: Apache-2.0
#include "io/small_float_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "io/block_decoders.h"
#include "io/half.h"
#include "io/packed_checkpoints.h"

namespace abstractllm::io {
namespace {

constexpr std::int64_t kMxfp8Group = 32;
constexpr std::int64_t kNvfp4Group = 16;

[[noreturn]] void fail(const StoredTensor& tensor, const std::string& what) {
  throw ModelLoadingError(
      fmt::format("[weights] {}: {}", tensor.describe(), what));
}

std::vector<float> widened(const StoredTensor& tensor) {
  const StorageTraits& traits = storage_traits(tensor.type);
  if (!traits.readable || traits.block_elements != 1) {
    fail(tensor, "expected floating-point scales");
  }
  std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
  widen_elements(tensor.type, tensor.bytes.data(), values.size(),
                 values.data());
  return values;
}

void expect_shape(const StoredTensor& tensor,
                  std::vector<std::int64_t> expected) {
  if (tensor.shape != expected) {
    fail(tensor, fmt::format("expected {}", shape_text(expected)));
  }
}

// e4m3 bytes in rows, and a scale for each tile of them.
class Fp8Rows final : public ComputedRows {
 public:
  Fp8Rows(const StoredTensor& weight, std::int64_t columns,
          std::vector<float> scales, std::array<std::int64_t, 2> tile)
      : weight_(weight),
        columns_(columns),
        scales_(std::move(scales)),
        tile_(tile),
        tiles_((columns + tile[1] - 1) / tile[1]) {}

  void read_row(std::int64_t row, std::span<float> out) const override {
    widen_elements(StorageType::kF8E4M3, weight_.bytes.data() + row * columns_,
                   out.size(), out.data());
    const float* scales = &scales_[std::size_t(row / tile_[0] * tiles_)];
    for (std::int64_t i = 0; i < columns_; ++i) {
      out[std::size_t(i)] *= scales[i / tile_[1]];
    }
  }

 private:
  StoredTensor weight_;
  std::int64_t columns_;
  std::vector<float> scales_;
  std::array<std::int64_t, 2> tile_;
  std::int64_t tiles_;  // of a row
};

// Four digits times a power of two need no more than bfloat16 has. Other
// products come nearer in float16, as long as its range holds the large ones
// and does not swallow those that count.
struct KeptType {
  StorageType type = StorageType::kBF16;
  bool is_rounded = false;
};

KeptType type_for(const std::vector<float>& scales) {
  constexpr float kLargestCode = 448.0f;
  constexpr float kLargestHalf = 65504.0f;
  constexpr float kSmall = 0x1p-10f;
  bool is_exact = true;
  float largest = 0;
  for (const float scale : scales) {
    int exponent = 0;
    is_exact = is_exact && std::frexp(scale, &exponent) == 0.5f;
    largest = std::max(largest, scale * kLargestCode);
  }
  if (is_exact) return {};
  const bool fits = largest <= kLargestHalf && largest >= kSmall;
  return {fits ? StorageType::kF16 : StorageType::kBF16, true};
}

WeightMatrix fp8_matrix(const StoredTensor& weight,
                        std::vector<std::int64_t> leading, std::int64_t columns,
                        std::vector<float> scales,
                        std::array<std::int64_t, 2> tile) {
  const KeptType kept = type_for(scales);
  return WeightMatrix::computed(
      {.name = weight.name,
       .leading_shape = std::move(leading),
       .columns = columns,
       .bits = 16,
       .element_type = kept.type,
       .is_rounded = kept.is_rounded,
       .stored_bytes = weight.bytes.size()},
      std::make_shared<Fp8Rows>(weight, columns, std::move(scales), tile));
}

// e2m1 codes, the first of two in the low half of a byte, and a scale for 16.
class Nvfp4Rows final : public ComputedRows {
 public:
  Nvfp4Rows(const StoredTensor& weight, std::int64_t columns,
            std::vector<float> scales)
      : weight_(weight), columns_(columns), scales_(std::move(scales)) {}

  void read_row(std::int64_t row, std::span<float> out) const override {
    std::vector<std::uint8_t> codes(out.size());
    unpack(row, codes);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = scale_of(row, i / kNvfp4Group) * kE2m1Values[codes[i]];
    }
  }

  void read_row_affine(std::int64_t row, std::span<std::uint8_t> codes,
                       std::span<float> scales,
                       std::span<float> biases) const override {
    unpack(row, codes);
    for (std::uint8_t& code : codes) code = kE2m1AffineCodes[code];
    for (std::size_t g = 0; g < scales.size(); ++g) {
      scales[g] = 0.5f * scale_of(row, g);
      biases[g] = -12.0f * scales[g];
    }
  }

 private:
  void unpack(std::int64_t row, std::span<std::uint8_t> codes) const {
    unpack_codes(4, weight_.bytes.data() + row * columns_ / 2, codes.size(),
                 codes.data());
  }
  float scale_of(std::int64_t row, std::size_t group) const {
    return scales_[std::size_t(row * columns_ / kNvfp4Group) + group];
  }

  StoredTensor weight_;
  std::int64_t columns_;
  std::vector<float> scales_;
};

WeightMatrix nvfp4_matrix(const StoredTensor& weight,
                          std::vector<std::int64_t> leading,
                          std::int64_t columns, std::vector<float> scales) {
  if (columns % kNvfp4Group != 0) {
    fail(weight, fmt::format("{} columns are no groups of 16", columns));
  }
  return WeightMatrix::computed(
      {.name = weight.name,
       .leading_shape = std::move(leading),
       .columns = columns,
       .encoding = WeightEncoding::kAffine,
       .bits = 5,
       .group_size = kNvfp4Group,
       .stored_bytes = weight.bytes.size()},
      std::make_shared<Nvfp4Rows>(weight, columns, std::move(scales)));
}

// Leading dimensions of MLX's words, and the columns of `codes` in each.
std::pair<std::vector<std::int64_t>, std::int64_t> word_shape(
    const StoredTensor& weight, std::int64_t codes) {
  if (weight.type != StorageType::kU32 || weight.shape.empty() ||
      weight.element_count() == 0 ||
      weight.shape.back() > (std::int64_t{1} << 32)) {
    fail(weight, "expected packed codes of type U32");
  }
  std::vector<std::int64_t> leading = weight.shape;
  leading.pop_back();
  return {leading, weight.shape.back() * codes};
}

// A scale byte for each group of a row.
void expect_scale_bytes(const StoredTensor& scales,
                        std::vector<std::int64_t> shape, std::int64_t groups) {
  shape.push_back(groups);
  expect_shape(scales, std::move(shape));
  if (scales.bytes.size() != static_cast<std::size_t>(scales.element_count())) {
    fail(scales, "expected scales of one byte");
  }
}

std::vector<float> byte_scales(const StoredTensor& scales, StorageType as) {
  std::vector<float> values(scales.bytes.size());
  widen_elements(as, scales.bytes.data(), values.size(), values.data());
  return values;
}

}  // namespace

WeightMatrix read_fp8(const StoredTensor& weight, const StoredTensor& scales,
                      std::array<std::int64_t, 2> block) {
  if (weight.shape.size() != 2 || weight.element_count() == 0) {
    fail(weight, "expected a matrix");
  }
  const std::int64_t rows = weight.shape[0];
  const std::int64_t columns = weight.shape[1];
  const std::int64_t count = scales.element_count();
  if (count == 1) {
    block = {rows, columns};
  } else if (count == rows &&
             (scales.shape.size() == 1 || scales.shape.back() == 1)) {
    block = {1, columns};
  } else {
    if (block[0] < 1 || block[1] < 1) fail(scales, "of tiles of what size?");
    expect_shape(scales, {(rows + block[0] - 1) / block[0],
                          (columns + block[1] - 1) / block[1]});
  }
  return fp8_matrix(weight, {rows}, columns, widened(scales), block);
}

WeightMatrix read_nvfp4_rows(const StoredTensor& weight,
                             const StoredTensor& scales,
                             const StoredTensor& global_scale,
                             GlobalScale does) {
  if (weight.shape.size() != 2 || weight.element_count() == 0) {
    fail(weight, "expected a matrix");
  }
  if (global_scale.element_count() != 1) fail(global_scale, "expected one");
  const std::int64_t columns = 2 * weight.shape[1];
  expect_scale_bytes(scales, {weight.shape[0]}, columns / kNvfp4Group);
  std::vector<float> values = byte_scales(scales, StorageType::kF8E4M3);
  const float factor = widened(global_scale).front();
  for (float& value : values) {
    value = does == GlobalScale::kDivides ? value / factor : value * factor;
  }
  return nvfp4_matrix(weight, {weight.shape[0]}, columns, std::move(values));
}

WeightMatrix read_mxfp8(const StoredTensor& weight,
                        const StoredTensor& scales) {
  const auto [leading, columns] = word_shape(weight, 4);
  if (columns % kMxfp8Group != 0) {
    fail(weight, fmt::format("{} columns are no groups of 32", columns));
  }
  expect_scale_bytes(scales, leading, columns / kMxfp8Group);
  return fp8_matrix(weight, leading, columns,
                    byte_scales(scales, StorageType::kF8E8M0),
                    {1, kMxfp8Group});
}

WeightMatrix read_nvfp4(const StoredTensor& weight,
                        const StoredTensor& scales) {
  const auto [leading, columns] = word_shape(weight, 8);
  expect_scale_bytes(scales, leading, columns / kNvfp4Group);
  return nvfp4_matrix(weight, leading, columns,
                      byte_scales(scales, StorageType::kF8E4M3));
}

}  // namespace abstractllm::io
