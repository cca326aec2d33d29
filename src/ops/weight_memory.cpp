// Bytes of a matrix by the layouts of the backends.
// SPDX-License-Identifier: Apache-2.0
#include "ops/weight_memory.h"

#include "ops/cpu/layout_choice.h"
#include "ops/cpu/weight_rows.h"

namespace abstractllm::ops {
namespace {

// Rows of shapes without weights may be as long as a config says; longer ones
// than any model has are not read.
constexpr std::int64_t kLongestProbe = std::int64_t{1} << 20;

double product(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) * static_cast<double>(b);
}

// Codes as they are, scales and biases in float32; or all in float32.
double stock_bytes(const io::WeightMatrix& matrix) {
  if (!stock_can_multiply(matrix)) {
    return 4 * product(matrix.rows(), matrix.columns());
  }
  const std::int64_t groups = matrix.columns() / matrix.group_size();
  return product(matrix.rows(),
                 matrix.columns() * matrix.bits() / 8 + 8 * groups);
}

}  // namespace

// MLX has kernels for these group sizes only.
bool stock_can_multiply(const io::WeightMatrix& matrix) {
  if (matrix.encoding() != io::WeightEncoding::kAffine) return false;
  const int group = matrix.group_size();
  return (group == 32 || group == 64 || group == 128) &&
         matrix.columns() % group == 0;
}

double WeightTally::packed_bytes(const io::WeightMatrix& matrix) {
  const cpu::WeightRows rows(matrix, keeping_.all_digits);
  const cpu::WeightShape shape = rows.shape();
  cpu::PanelLayout layout(shape, cpu::ScaleFormat::kF16, true);
  if (shape.group == 0) {
    layout = cpu::expected_layout(rows, !keeping_.all_digits);
  } else if (matrix.columns() <= kLongestProbe) {
    const Form form{matrix.encoding(), matrix.bits(), matrix.group_size(),
                    matrix.stored_type()};
    auto found = seen_.find(form);
    if (found == seen_.end()) {
      layout = cpu::expected_layout(rows, !keeping_.all_digits);
      found = seen_.emplace(form, Scales{layout.scale_format, layout.has_bias})
                  .first;
    }
    layout = {shape, found->second.format, found->second.has_bias};
  }
  return product(layout.panel_count, layout.panel_bytes);
}

void WeightTally::add(const io::WeightMatrix& matrix) {
  bytes_ += keeping_.kind == BackendKind::kCpu ? packed_bytes(matrix)
                                               : stock_bytes(matrix);
}

}  // namespace abstractllm::ops
