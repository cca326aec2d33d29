// A function of ours over float32 buffers as an operation on MLX arrays.
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
/// May throw; out of a graph that arrives as MLX's std::runtime_error, whatever
/// it was, unless evaluate() runs the graph. What it captures must stay alive
/// until the array is evaluated.
using HostFunction =
    std::function<void(std::span<const float* const> inputs, float* output)>;

/// A float32 array of `shape` computed by `function`. Where all inputs are
/// plain and evaluated it is computed here and now, on this thread: a node
/// would cost microseconds and two hand-overs between threads. Otherwise it is
/// a node of the graph (`name` shows up in dumps; inputs of another type are
/// converted first) that runs on the thread of MLX's CPU stream. `cpu` lives
/// until the kernel has run; its clock counts the time. REQUIRES: no graph with
/// kernels of `cpu` is being evaluated meanwhile. Kernels that share more than
/// `cpu` (caches) depend on each other through their inputs, or are evaluated
/// in between: one that runs at once does not wait for a node.
mlx::core::array host_kernel(std::shared_ptr<CpuState> cpu, const char* name,
                             mlx::core::Shape shape,
                             std::vector<mlx::core::array> inputs,
                             HostFunction function);

/// mx::eval, out of which an Error of a kernel arrives as what it is.
void evaluate(std::vector<mlx::core::array> arrays);

}  // namespace abstractllm::ops
