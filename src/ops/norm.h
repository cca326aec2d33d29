// RMS and layer normalisation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "mlx/array.h"

namespace abstractllm::ops {

struct CpuState;

enum class NormKind {
  kRms,    ///< arXiv:1910.07467
  kLayer,  ///< arXiv:1607.06450
};

/// Weights of one normalisation over the last axis. Immutable.
struct Norm {
  NormKind kind = NormKind::kRms;
  mlx::core::array weight;  ///< (size); a checkpoint's 1 + w is folded in
  std::optional<mlx::core::array> bias;
  float eps = 1e-5f;
  /// Parts of equal size that are normalised each by itself; `weight` and
  /// `bias` have a value for each element of all of them.
  int groups = 1;
  std::shared_ptr<CpuState> cpu = nullptr;  ///< set: runs on our kernels
};

/// x: (..., size) -> same shape.
mlx::core::array normalise(const mlx::core::array& x, const Norm& norm);

}  // namespace abstractllm::ops
