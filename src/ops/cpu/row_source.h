// Where the rows of a weight matrix come from when it is packed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace abstractllm::ops::cpu {

/// How the elements of a weight matrix are represented.
enum class WeightEncoding : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kAffine,  ///< w = scale * code + bias, one scale and bias a group
  kMxfp4,   ///< w = scale * e2m1(code), scale a power of two, groups of 32
};

/// Type and shape of a weight matrix.
struct WeightShape {
  std::int64_t rows = 0;     ///< outputs, N
  std::int64_t columns = 0;  ///< inputs, K
  WeightEncoding encoding = WeightEncoding::kF32;
  int bits = 0;   ///< affine: 2, 3, 4, 5, 6 or 8; mxfp4: 4
  int group = 0;  ///< affine: 16, 32, 64 or 128; mxfp4: 32

  /// Groups of a row; the last one may be short.
  std::int64_t groups() const {
    return group == 0 ? 0 : (columns + group - 1) / group;
  }
};

/// Rows of a stored matrix, decoded one at a time. Implementations are read
/// by several threads at once.
class RowSource {
 public:
  virtual ~RowSource() = default;

  virtual WeightShape shape() const = 0;

  /// The `columns` values of a row. Called for dense encodings only.
  virtual void read_row(std::int64_t row, float* values) const = 0;

  /// The values of a row in memory, in the type of the encoding and without
  /// gaps, not necessarily aligned; null if they must be read by read_row.
  /// Called for dense encodings only.
  virtual const std::byte* stored_row(std::int64_t /*row*/) const {
    return nullptr;
  }

  /// Says that `count` rows have been read and, as a rule, will not be again.
  virtual void forget_rows(std::int64_t /*first*/,
                           std::int64_t /*count*/) const {}

  /// Codes (`columns`, each below 2^bits), scales and biases (`groups()` each)
  /// of a row. For mxfp4 `biases` is not written, and a code is the four bits
  /// of an e2m1 number. Called for the other encodings only.
  virtual void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                          float* biases) const = 0;
};

}  // namespace abstractllm::ops::cpu
