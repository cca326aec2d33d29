// Which matrices can be packed, and how they begin.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/layout_choice.h"

#include <string>

#include "abstractllm/error.h"
#include "ops/cpu/quantised_packer.h"

namespace abstractllm::ops::cpu {
namespace {

void check_shape(const WeightShape& shape) {
  constexpr std::int64_t kMaxSide = std::int64_t{1} << 31;
  const bool affine = shape.encoding == WeightEncoding::kAffine;
  const bool mxfp4 = shape.encoding == WeightEncoding::kMxfp4;
  bool known = shape.rows > 0 && shape.columns > 0 && shape.rows < kMaxSide &&
               shape.columns < kMaxSide;
  if (affine) {
    known = known && shape.bits >= 2 && shape.bits <= 8 && shape.bits != 7 &&
            (shape.group == 16 || shape.group == 32 || shape.group == 64 ||
             shape.group == 128);
  } else if (mxfp4) {
    known = known && shape.bits == 4 && shape.group == 32;
  } else {
    known = known && shape.group == 0;
  }
  if (!known) {
    throw ModelLoadingError("[cpu] cannot pack a weight matrix of " +
                            std::to_string(shape.rows) + " x " +
                            std::to_string(shape.columns) + ", " +
                            std::to_string(shape.bits) + " bits in groups of " +
                            std::to_string(shape.group));
  }
}

}  // namespace

PanelLayout expected_layout(const RowSource& source, bool may_round) {
  const WeightShape shape = source.shape();
  check_shape(shape);
  if (shape.group == 0) return {shape, ScaleFormat::kF32, false};
  return choose_layout(source, shape, may_round);
}

}  // namespace abstractllm::ops::cpu
