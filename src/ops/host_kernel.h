// A function of ours over float32 buffers as one node of an MLX graph.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "mlx/array.h"

namespace abstractllm::ops {

struct CpuState;

/// Reads the inputs' elements in row-major order and writes all of `output`.
/// Runs on the thread of MLX's CPU stream, in the order of the graph; may
/// throw. What it captures must stay alive until the array is evaluated.
using HostFunction =
    std::function<void(std::span<const float* const> inputs, float* output)>;

/// A lazy float32 array of `shape` computed by `function`. `name` shows up in
/// graph dumps. Inputs of another type are converted first. `cpu` lives until
/// the kernel has run; its clock counts the time.
mlx::core::array host_kernel(std::shared_ptr<CpuState> cpu, const char* name,
                             mlx::core::Shape shape,
                             std::vector<mlx::core::array> inputs,
                             HostFunction function);

}  // namespace abstractllm::ops
