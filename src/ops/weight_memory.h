// The memory that weights take once they are laid out for a backend.
// SPDX-License-Identifier: Apache-2.0

//   WeightTally tally({.kind = BackendKind::kCpu});
//   const ShapesOnly shapes(&tally);
//   make_model(...);        // each of its matrices is counted
//   tally.bytes();
#pragma once

#include <map>
#include <tuple>

#include "io/weight_matrix.h"
#include "ops/backend.h"
#include "ops/cpu/panel_layout.h"
#include "ops/cpu_precision.h"

namespace abstractllm::ops {

/// What decides how a weight is kept: stock MLX has it in float32 where it
/// cannot multiply its codes, our kernels nearly as it is stored.
struct WeightKeeping {
  BackendKind kind = BackendKind::kCpu;
  /// kCpu: nothing that was stored is rounded.
  bool all_digits = false;
};

/// Whether weights of a backend of this precision are kept without rounding.
constexpr bool keeps_all_digits(const CpuPrecision& precision) {
  return precision.generated == cpu::Precision::kExact;
}

/// Whether stock MLX multiplies the codes of `matrix` as they are.
bool stock_can_multiply(const io::WeightMatrix& matrix);

/// Sums up what make_linear() would hold of matrices. One thread at a time.
class WeightTally {
 public:
  explicit WeightTally(WeightKeeping keeping) : keeping_(keeping) {}

  /// Reads the first rows of the first matrix of each quantised form, whose
  /// scales tell how wide they are kept. Throws as PackedMatrix::pack does.
  void add(const io::WeightMatrix& matrix);

  /// A float, as shapes without weights may ask for anything.
  double bytes() const noexcept { return bytes_; }

 private:
  double packed_bytes(const io::WeightMatrix& matrix);

  struct Scales {
    cpu::ScaleFormat format = cpu::ScaleFormat::kF16;
    bool has_bias = true;
  };
  using Form = std::tuple<io::WeightEncoding, int, int, io::StorageType>;

  WeightKeeping keeping_;
  std::map<Form, Scales> seen_;
  double bytes_ = 0;
};

}  // namespace abstractllm::ops
