// Normalisation through mlx::core::fast.
// SPDX-License-Identifier: Apache-2.0
#include "ops/norm.h"

#include "mlx/fast.h"
#include "ops/cpu_blocks.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

mx::array normalise(const mx::array& x, const Norm& norm) {
  if (norm.cpu) return normalise_cpu(x, norm);
  if (norm.kind == NormKind::kRms) {
    return mx::fast::rms_norm(x, norm.weight, norm.eps);
  }
  return mx::fast::layer_norm(x, norm.weight, norm.bias, norm.eps);
}

}  // namespace abstractllm::ops
