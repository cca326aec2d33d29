// Normalisation through mlx::core::fast.
// SPDX-License-Identifier: Apache-2.0
#include "ops/norm.h"

#include "mlx/fast.h"
#include "mlx/ops.h"
#include "ops/cpu_blocks.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

mx::array normalise_groups(const mx::array& x, const Norm& norm) {
  mx::Shape shape = x.shape();
  shape.back() /= norm.groups;
  shape.insert(shape.end() - 1, norm.groups);
  const mx::array parts = mx::reshape(x, shape);
  const mx::array normed =
      norm.kind == NormKind::kRms
          ? mx::fast::rms_norm(parts, std::nullopt, norm.eps)
          : mx::fast::layer_norm(parts, std::nullopt, std::nullopt, norm.eps);
  const mx::array y = mx::reshape(normed, x.shape()) * norm.weight;
  return norm.bias ? y + *norm.bias : y;
}

}  // namespace

mx::array normalise(const mx::array& x, const Norm& norm) {
  if (norm.cpu) return normalise_cpu(x, norm);
  if (norm.groups > 1) return normalise_groups(x, norm);
  if (norm.kind == NormKind::kRms) {
    return mx::fast::rms_norm(x, norm.weight, norm.eps);
  }
  return mx::fast::layer_norm(x, norm.weight, norm.bias, norm.eps);
}

}  // namespace abstractllm::ops
