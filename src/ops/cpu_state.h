// What the CPU kernels of one loaded model share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/cpu/activations.h"
#include "ops/cpu/linear.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops {

/// Workers, and buffers that are reused from kernel to kernel. The buffers
/// belong to the kernels, which MLX runs one after the other.
struct CpuState {
  CpuState(int threads, bool exact)
      : pool({.threads = threads}), options{.exact = exact} {}

  cpu::ThreadPool pool;
  cpu::LinearOptions options;
  cpu::Activations input;
};

}  // namespace abstractllm::ops
