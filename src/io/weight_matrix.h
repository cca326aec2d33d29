// A weight matrix as stored, readable row by row.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/stored_tensor.h"

namespace abstractllm::io {

/// What read_row_affine can give, and so what a kernel may keep packed.
enum class WeightEncoding : std::uint8_t {
  kDense,   ///< floating point
  kAffine,  ///< unsigned codes with a scale and a bias a group
  kMxfp4,   ///< e2m1 codes with a power of two a group of 32
};

/// Rows that are computed from what files hold. Rows may be read by many
/// threads at a time.
class ComputedRows {
 public:
  virtual ~ComputedRows() = default;
  /// See WeightMatrix::read_row; called for all encodings.
  virtual void read_row(std::int64_t row, std::span<float> out) const = 0;
  /// See WeightMatrix::read_row_affine; called for kAffine alone.
  virtual void read_row_affine(std::int64_t row, std::span<std::uint8_t> codes,
                               std::span<float> scales,
                               std::span<float> biases) const;
};

/// Rows of weights in whatever form the file has them. A tensor of more than
/// two dimensions is one matrix of all its rows (leading dimensions
/// flattened); one of a single dimension is one row; an empty one is refused.
/// Copies share the mapping and cost a few pointers. Immutable but for
/// assignment; rows may be read by many threads at a time.
class WeightMatrix {
 public:
  /// Floating-point types and GGUF blocks. Throws ModelLoadingError naming
  /// the tensor if its type cannot be decoded.
  static WeightMatrix plain(const StoredTensor& tensor);

  struct MlxLayout {
    int group_size = 64;
    int bits = 4;
  };

  /// MLX's affine quantisation: codes of 2, 3, 4, 5, 6 or 8 bits packed from
  /// the lowest bit up in U32 words, `scales` and `biases` (F32, F16 or BF16)
  /// of one number a group. Throws ModelLoadingError if the shapes do not fit
  /// each other.
  static WeightMatrix mlx_affine(const StoredTensor& weight,
                                 const StoredTensor& scales,
                                 const StoredTensor& biases, MlxLayout layout);

  /// e2m1 codes, two a byte with the first in the low half, and one e8m0 scale
  /// byte for 32: MLX's mode "mxfp4" (U32 words [.., columns / 8]) and the
  /// `*_blocks` of gpt-oss (U8 [.., columns / 32, 16]).
  static WeightMatrix mxfp4(const StoredTensor& weight,
                            const StoredTensor& scales);

  struct ComputedLayout {
    std::string name;                         ///< for messages
    std::vector<std::int64_t> leading_shape;  ///< dimensions before the last
    std::int64_t columns = 0;
    WeightEncoding encoding = WeightEncoding::kDense;  ///< or kAffine
    int bits = 0;
    int group_size = 0;
    /// What a backend may keep dense rows in.
    StorageType element_type = StorageType::kF32;
    /// element_type does not hold all of them exactly.
    bool is_rounded = false;
    std::uint64_t stored_bytes = 0;  ///< of what the rows are computed from
  };

  /// stored_row() and stored_block() of the result are empty.
  static WeightMatrix computed(const ComputedLayout& layout,
                               std::shared_ptr<const ComputedRows> rows);

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t columns() const noexcept;

  /// Of the tensor, in elements: the dimensions before the last one.
  const std::vector<std::int64_t>& leading_shape() const noexcept;

  WeightEncoding encoding() const noexcept;
  /// Of a stored code (kMxfp4: 4), or of an element if kDense.
  int bits() const noexcept;
  /// Elements that share a scale; 0 if kDense. 16, 32, 64 or 128.
  int group_size() const noexcept;
  /// Bits that the codes of read_row_affine need: bits(), but 5 for kMxfp4.
  int affine_bits() const noexcept;

  /// Dense rows have more digits than stored_type() holds.
  bool is_rounded() const noexcept;

  /// Type of the tensor that holds the elements or codes: U32 for MLX.
  StorageType stored_type() const noexcept;
  /// Its name, for messages.
  const std::string& name() const noexcept;
  /// Bytes that rows() rows take in the file, scales included.
  std::uint64_t stored_bytes() const noexcept;

  /// Row `row` widened to float32, as the format's reference decoder computes
  /// it: bit for bit but for the sign of zeros and what a NaN or infinite
  /// scale gives. REQUIRES: 0 <= row < rows(), out.size() == columns().
  void read_row(std::int64_t row, std::span<float> out) const;

  /// The row as w[i] = scales[g] * codes[i] + biases[g], g = i / group_size(),
  /// which in float32 equals read_row. For kMxfp4 the codes are 0 to 24 (twice
  /// the e2m1 value, plus 12).
  /// REQUIRES: encoding() != kDense, codes.size() == columns(), scales and
  /// biases of columns() / group_size().
  void read_row_affine(std::int64_t row, std::span<std::uint8_t> codes,
                       std::span<float> scales, std::span<float> biases) const;

  /// The row as e2m1 codes (0 to 15, sign in bit 3) and e8m0 scale bytes.
  /// REQUIRES: encoding() == kMxfp4, sizes as in read_row_affine.
  void read_row_mxfp4(std::int64_t row, std::span<std::uint8_t> codes,
                      std::span<std::uint8_t> scales) const;

  /// The bytes of a row as stored, without separate scales.
  /// REQUIRES: 0 <= row < rows().
  std::span<const std::byte> stored_row(std::int64_t row) const;

  /// All rows as they lie in the file, if they are in its order; else empty.
  std::span<const std::byte> stored_block() const;

  /// Rows first to first + count. Throws InternalError if out of range.
  WeightMatrix slice_rows(std::int64_t first, std::int64_t count) const;

  /// Row i of the result is row order[i] of this; order may leave rows out or
  /// repeat them. Throws InternalError if an entry is out of range.
  WeightMatrix permute_rows(std::vector<std::int32_t> order) const;

  /// Tells the kernel that the rows have been read and will not be needed.
  void advise_dontneed() const noexcept;

 private:
  struct Stored;
  explicit WeightMatrix(std::shared_ptr<const Stored> stored);
  std::int64_t stored_index(std::int64_t row) const;

  std::shared_ptr<const Stored> stored_;
  std::int64_t first_ = 0;
  std::int64_t rows_ = 0;
  // Of this matrix's rows to stored rows; null if they are in file order.
  std::shared_ptr<const std::vector<std::int32_t>> order_;
};

}  // namespace abstractllm::io
