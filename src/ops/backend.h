// Where the operations of a model run, and in which precision.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mlx/dtype.h"

namespace abstractllm::ops {

struct CpuState;
struct Adaptation;

enum class BackendKind {
  kReference,  ///< stock MLX on the CPU in float32: the oracle of the tests
  kCpu,        ///< own SIMD kernels over packed weights, float32 activations
  kGpu,        ///< Metal or CUDA through mlx::core and mlx::core::fast
};

/// Chosen once per loaded model. Weights are made for a backend and carry what
/// they need from it; operations find their implementation by their operands.
/// A value that shares its state.
struct Backend {
  BackendKind kind = BackendKind::kReference;
  /// Type of activations and of weights that are not quantised.
  mlx::core::Dtype compute = mlx::core::float32;
  /// kCpu: workers and buffers of the kernels; null elsewhere.
  std::shared_ptr<CpuState> cpu;
  /// What adapters need to know; null: the model takes none.
  std::shared_ptr<Adaptation> adaptation = nullptr;
};

}  // namespace abstractllm::ops
