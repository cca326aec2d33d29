// The forms that weights are stored in, behind one row reader.
// SPDX-License-Identifier: Apache-2.0
#include "io/weight_matrix.h"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <limits>
#include <utility>

#include "abstractllm/error.h"
#include "io/block_decoders.h"
#include "io/half.h"

namespace abstractllm::io {
namespace {

constexpr int kMxfp4Group = 32;
constexpr std::int64_t kMxfp4BlockBytes = 17;

[[noreturn]] void fail(const StoredTensor& tensor, const std::string& what,
                       std::string hint = {}) {
  throw ModelLoadingError(
      fmt::format("[weights] {}: {}", tensor.describe(), what),
      std::move(hint));
}

std::int64_t product(std::span<const std::int64_t> sizes) {
  std::int64_t result = 1;
  for (const std::int64_t size : sizes) result *= size;
  return result;
}

std::vector<std::int64_t> without_last(std::vector<std::int64_t> shape,
                                       std::size_t count = 1) {
  shape.resize(shape.size() - std::min(count, shape.size()));
  return shape;
}

void expect_shape(const StoredTensor& tensor,
                  const std::vector<std::int64_t>& expected,
                  const StoredTensor& weight) {
  if (tensor.shape != expected) {
    fail(tensor, fmt::format("expected {} beside {}", shape_text(expected),
                             weight.describe()));
  }
}

bool is_scale_type(StorageType type) {
  return type == StorageType::kF32 || type == StorageType::kF16 ||
         type == StorageType::kBF16;
}

}  // namespace

struct WeightMatrix::Stored {
  enum class Form : std::uint8_t {
    kElements,
    kBlocks,
    kMxfp4Blocks,  // scale and codes together
    kMlxAffine,
    kMxfp4Rows,  // scales apart
    kComputed,
  };

  StoredTensor weight;
  StoredTensor scales;  // of the last two forms
  StoredTensor biases;  // of kMlxAffine
  Form form = Form::kElements;
  WeightEncoding encoding = WeightEncoding::kDense;
  int bits = 0;
  int group_size = 0;
  bool is_rounded = false;
  const BlockDecoder* decoder = nullptr;
  std::shared_ptr<const ComputedRows> computed;
  std::uint64_t computed_bytes = 0;
  std::vector<std::int64_t> leading_shape;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::size_t row_bytes = 0;
  std::size_t scale_row_bytes = 0;  // of scales; biases have the same
  std::size_t bias_row_bytes = 0;

  void set_shape(std::vector<std::int64_t> leading, std::int64_t last) {
    leading_shape = std::move(leading);
    rows = product(leading_shape);
    columns = last;
    if (rows == 0 || columns == 0) fail(weight, "a matrix without elements");
    if (rows > std::numeric_limits<std::int32_t>::max()) {
      fail(weight, "more rows than 2^31");
    }
    const auto count = static_cast<std::size_t>(rows);
    row_bytes = weight.bytes.size() / count;
    scale_row_bytes = scales.bytes.size() / count;
    bias_row_bytes = biases.bytes.size() / count;
  }

  std::size_t groups() const {
    return static_cast<std::size_t>(columns / group_size);
  }
  const std::byte* weight_row(std::int64_t row) const {
    return weight.bytes.data() + std::size_t(row) * row_bytes;
  }
  const std::byte* scale_row(std::int64_t row) const {
    return scales.bytes.data() + std::size_t(row) * scale_row_bytes;
  }
  const std::byte* bias_row(std::int64_t row) const {
    return biases.bytes.data() + std::size_t(row) * bias_row_bytes;
  }
};

WeightMatrix::WeightMatrix(std::shared_ptr<const Stored> stored)
    : stored_(std::move(stored)), rows_(stored_->rows) {}

WeightMatrix WeightMatrix::plain(const StoredTensor& tensor) {
  const StorageTraits& traits = storage_traits(tensor.type);
  if (!traits.readable) {
    fail(tensor,
         fmt::format("weights of type {} are not supported", traits.name),
         "Use a file in F16, BF16, Q8_0, Q6_K, Q5_K_M, Q4_K_M or MXFP4.");
  }
  auto stored = std::make_shared<Stored>();
  stored->weight = tensor;
  if (tensor.type == StorageType::kMxfp4) {
    stored->form = Stored::Form::kMxfp4Blocks;
    stored->encoding = WeightEncoding::kMxfp4;
    stored->bits = 4;
    stored->group_size = kMxfp4Group;
  } else if (const BlockDecoder* decoder = block_decoder(tensor.type)) {
    stored->form = Stored::Form::kBlocks;
    stored->encoding = WeightEncoding::kAffine;
    stored->decoder = decoder;
    stored->bits = decoder->bits;
    stored->group_size = decoder->group_size;
  } else {
    stored->bits = static_cast<int>(8 * traits.block_bytes);
  }
  stored->set_shape(without_last(tensor.shape),
                    tensor.shape.empty() ? 1 : tensor.shape.back());
  return WeightMatrix(std::move(stored));
}

WeightMatrix WeightMatrix::mlx_affine(const StoredTensor& weight,
                                      const StoredTensor& scales,
                                      const StoredTensor& biases,
                                      MlxLayout layout) {
  const int bits = layout.bits;
  const int group = layout.group_size;
  if (bits < 2 || bits > 8 || bits == 7) {
    fail(weight,
         fmt::format("codes of {} bits, expected 2, 3, 4, 5, 6 or 8", bits));
  }
  if (group != 16 && group != 32 && group != 64 && group != 128) {
    fail(weight,
         fmt::format("groups of {}, expected 16, 32, 64 or 128", group));
  }
  if (weight.type != StorageType::kU32 || weight.shape.empty()) {
    fail(weight, "expected packed codes of type U32");
  }
  for (const StoredTensor* tensor : {&scales, &biases}) {
    if (!is_scale_type(tensor->type))
      fail(*tensor, "expected F32, F16 or BF16");
  }
  const std::int64_t words = weight.shape.back();
  const std::int64_t columns =
      words > (std::int64_t{1} << 40) ? 0 : words * 32 / bits;
  if (columns == 0 || words * 32 % bits != 0 || columns % group != 0) {
    fail(weight, fmt::format("rows of {} words are no whole groups of {} codes "
                             "of {} bits",
                             words, group, bits));
  }
  std::vector<std::int64_t> expected = weight.shape;
  expected.back() = columns / group;
  expect_shape(scales, expected, weight);
  expect_shape(biases, expected, weight);

  auto stored = std::make_shared<Stored>();
  stored->weight = weight;
  stored->scales = scales;
  stored->biases = biases;
  stored->form = Stored::Form::kMlxAffine;
  stored->encoding = WeightEncoding::kAffine;
  stored->bits = bits;
  stored->group_size = group;
  stored->set_shape(without_last(weight.shape), columns);
  return WeightMatrix(std::move(stored));
}

WeightMatrix WeightMatrix::mxfp4(const StoredTensor& weight,
                                 const StoredTensor& scales) {
  auto stored = std::make_shared<Stored>();
  stored->weight = weight;
  stored->scales = scales;
  stored->form = Stored::Form::kMxfp4Rows;
  stored->encoding = WeightEncoding::kMxfp4;
  stored->bits = 4;
  stored->group_size = kMxfp4Group;
  if (scales.type != StorageType::kU8 && scales.type != StorageType::kF8E8M0) {
    fail(scales, "expected scales of type U8");
  }
  const auto& shape = weight.shape;
  std::vector<std::int64_t> leading;
  std::int64_t groups = 0;
  if (weight.type == StorageType::kU32 && !shape.empty() &&
      shape.back() % 4 == 0) {
    leading = without_last(shape);
    groups = shape.back() / 4;
  } else if (weight.type == StorageType::kU8 && shape.size() >= 2 &&
             shape.back() == 16) {
    leading = without_last(shape, 2);
    groups = shape[shape.size() - 2];
  } else {
    fail(weight,
         "expected mxfp4 codes as U32 [.., columns / 8] or U8 [.., columns / "
         "32, 16]");
  }
  std::vector<std::int64_t> expected = leading;
  expected.push_back(groups);
  expect_shape(scales, expected, weight);
  stored->set_shape(std::move(leading), groups * kMxfp4Group);
  return WeightMatrix(std::move(stored));
}

WeightMatrix WeightMatrix::computed(const ComputedLayout& layout,
                                    std::shared_ptr<const ComputedRows> rows) {
  auto stored = std::make_shared<Stored>();
  stored->weight.name = layout.name;
  stored->weight.type = layout.element_type;
  stored->form = Stored::Form::kComputed;
  stored->encoding = layout.encoding;
  stored->bits = layout.bits;
  stored->group_size = layout.group_size;
  stored->is_rounded = layout.is_rounded;
  stored->computed = std::move(rows);
  stored->computed_bytes = layout.stored_bytes;
  stored->set_shape(layout.leading_shape, layout.columns);
  return WeightMatrix(std::move(stored));
}

void ComputedRows::read_row_affine(std::int64_t /*row*/,
                                   std::span<std::uint8_t> /*codes*/,
                                   std::span<float> /*scales*/,
                                   std::span<float> /*biases*/) const {
  throw InternalError("[weights] read_row_affine of dense rows");
}

std::int64_t WeightMatrix::columns() const noexcept { return stored_->columns; }

const std::vector<std::int64_t>& WeightMatrix::leading_shape() const noexcept {
  return stored_->leading_shape;
}

WeightEncoding WeightMatrix::encoding() const noexcept {
  return stored_->encoding;
}

int WeightMatrix::bits() const noexcept { return stored_->bits; }

int WeightMatrix::group_size() const noexcept { return stored_->group_size; }

int WeightMatrix::affine_bits() const noexcept {
  return encoding() == WeightEncoding::kMxfp4 ? 5 : stored_->bits;
}

bool WeightMatrix::is_rounded() const noexcept { return stored_->is_rounded; }

StorageType WeightMatrix::stored_type() const noexcept {
  return stored_->weight.type;
}

const std::string& WeightMatrix::name() const noexcept {
  return stored_->weight.name;
}

std::uint64_t WeightMatrix::stored_bytes() const noexcept {
  if (stored_->form == Stored::Form::kComputed) {
    return stored_->computed_bytes / static_cast<std::uint64_t>(stored_->rows) *
           static_cast<std::uint64_t>(rows_);
  }
  return static_cast<std::uint64_t>(rows_) *
         (stored_->row_bytes + stored_->scale_row_bytes +
          stored_->bias_row_bytes);
}

std::int64_t WeightMatrix::stored_index(std::int64_t row) const {
  assert(row >= 0 && row < rows_);
  return order_ ? (*order_)[std::size_t(first_ + row)] : first_ + row;
}

void WeightMatrix::read_row(std::int64_t row, std::span<float> out) const {
  assert(std::int64_t(out.size()) == columns());
  const Stored& stored = *stored_;
  const std::int64_t index = stored_index(row);
  const std::byte* bytes = stored.weight_row(index);
  switch (stored.form) {
    case Stored::Form::kComputed:
      return stored.computed->read_row(index, out);
    case Stored::Form::kElements:
      return widen_elements(stored.weight.type, bytes, out.size(), out.data());
    case Stored::Form::kBlocks:
      return stored.decoder->widen(
          bytes, out.size() / storage_traits(stored.weight.type).block_elements,
          out.data());
    case Stored::Form::kMlxAffine: {
      std::vector<std::uint8_t> codes(out.size());
      std::vector<float> scales(stored.groups());
      std::vector<float> biases(stored.groups());
      read_row_affine(row, codes, scales, biases);
      const auto group = static_cast<std::size_t>(stored.group_size);
      for (std::size_t g = 0; g < scales.size(); ++g) {
        for (std::size_t i = g * group; i < (g + 1) * group; ++i) {
          out[i] = scales[g] * static_cast<float>(codes[i]) + biases[g];
        }
      }
      return;
    }
    case Stored::Form::kMxfp4Blocks:
    case Stored::Form::kMxfp4Rows: {
      std::vector<std::uint8_t> codes(out.size());
      std::vector<std::uint8_t> scales(stored.groups());
      read_row_mxfp4(row, codes, scales);
      for (std::size_t g = 0; g < scales.size(); ++g) {
        const float scale = f8_e8m0_to_f32(scales[g]);
        for (std::size_t i = g * kMxfp4Group; i < (g + 1) * kMxfp4Group; ++i) {
          out[i] = scale * kE2m1Values[codes[i]];
        }
      }
      return;
    }
  }
}

void WeightMatrix::read_row_affine(std::int64_t row,
                                   std::span<std::uint8_t> codes,
                                   std::span<float> scales,
                                   std::span<float> biases) const {
  const Stored& stored = *stored_;
  if (stored.encoding == WeightEncoding::kDense) {
    throw InternalError("[weights] read_row_affine of dense " +
                        stored.weight.describe());
  }
  assert(std::int64_t(codes.size()) == columns());
  assert(scales.size() == stored.groups() && biases.size() == scales.size());
  const std::int64_t index = stored_index(row);
  switch (stored.form) {
    case Stored::Form::kElements:
      return;
    case Stored::Form::kComputed:
      return stored.computed->read_row_affine(index, codes, scales, biases);
    case Stored::Form::kBlocks:
      return stored.decoder->affine(
          stored.weight_row(index),
          codes.size() / storage_traits(stored.weight.type).block_elements,
          codes.data(), scales.data(), biases.data());
    case Stored::Form::kMlxAffine:
      unpack_codes(stored.bits, stored.weight_row(index), codes.size(),
                   codes.data());
      widen_elements(stored.scales.type, stored.scale_row(index), scales.size(),
                     scales.data());
      widen_elements(stored.biases.type, stored.bias_row(index), biases.size(),
                     biases.data());
      return;
    case Stored::Form::kMxfp4Blocks:
    case Stored::Form::kMxfp4Rows: {
      std::vector<std::uint8_t> powers(scales.size());
      read_row_mxfp4(row, codes, powers);
      for (std::uint8_t& code : codes) code = kE2m1AffineCodes[code];
      for (std::size_t g = 0; g < powers.size(); ++g) {
        scales[g] = 0.5f * f8_e8m0_to_f32(powers[g]);
        biases[g] = -12.0f * scales[g];
      }
      return;
    }
  }
}

void WeightMatrix::read_row_mxfp4(std::int64_t row,
                                  std::span<std::uint8_t> codes,
                                  std::span<std::uint8_t> scales) const {
  const Stored& stored = *stored_;
  if (stored.encoding != WeightEncoding::kMxfp4) {
    throw InternalError("[weights] read_row_mxfp4 of " +
                        stored.weight.describe());
  }
  assert(std::int64_t(codes.size()) == columns());
  assert(scales.size() == stored.groups());
  const std::int64_t index = stored_index(row);
  const std::byte* bytes = stored.weight_row(index);
  if (stored.form == Stored::Form::kMxfp4Rows) {
    unpack_codes(4, bytes, codes.size(), codes.data());
    const std::byte* powers = stored.scale_row(index);
    for (std::size_t g = 0; g < scales.size(); ++g) {
      scales[g] = std::to_integer<std::uint8_t>(powers[g]);
    }
    return;
  }
  // ggml's order: low halves are elements 0 to 15, high halves 16 to 31.
  for (std::size_t g = 0; g < scales.size(); ++g) {
    const std::byte* block = bytes + std::int64_t(g) * kMxfp4BlockBytes;
    scales[g] = std::to_integer<std::uint8_t>(block[0]);
    for (std::size_t i = 0; i < 16; ++i) {
      const auto pair = std::to_integer<std::uint8_t>(block[1 + i]);
      codes[g * kMxfp4Group + i] = pair & 0x0f;
      codes[g * kMxfp4Group + 16 + i] = pair >> 4;
    }
  }
}

std::span<const std::byte> WeightMatrix::stored_row(std::int64_t row) const {
  if (stored_->form == Stored::Form::kComputed) return {};
  return {stored_->weight_row(stored_index(row)), stored_->row_bytes};
}

std::span<const std::byte> WeightMatrix::stored_block() const {
  if (order_ || stored_->form == Stored::Form::kComputed) return {};
  return stored_->weight.bytes.subspan(std::size_t(first_) * stored_->row_bytes,
                                       std::size_t(rows_) * stored_->row_bytes);
}

WeightMatrix WeightMatrix::slice_rows(std::int64_t first,
                                      std::int64_t count) const {
  if (first < 0 || count < 0 || first > rows_ || count > rows_ - first) {
    throw InternalError(
        fmt::format("[weights] rows {} to {} of {}, which has {}", first,
                    first + count, stored_->weight.describe(), rows_));
  }
  WeightMatrix slice = *this;
  slice.first_ += first;
  slice.rows_ = count;
  return slice;
}

WeightMatrix WeightMatrix::permute_rows(std::vector<std::int32_t> order) const {
  for (std::int32_t& row : order) {
    if (row < 0 || row >= rows_) {
      throw InternalError(fmt::format("[weights] row {} of {}, which has {}",
                                      row, stored_->weight.describe(), rows_));
    }
    row = static_cast<std::int32_t>(stored_index(row));
  }
  WeightMatrix permuted = *this;
  permuted.first_ = 0;
  permuted.rows_ = static_cast<std::int64_t>(order.size());
  permuted.order_ =
      std::make_shared<const std::vector<std::int32_t>>(std::move(order));
  return permuted;
}

void WeightMatrix::advise_dontneed() const noexcept {
  if (stored_->weight.file == nullptr) return;
  if (const auto block = stored_block(); !block.empty()) {
    stored_->weight.file->advise_dontneed(block);
  }
}

}  // namespace abstractllm::io
