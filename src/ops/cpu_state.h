// What the CPU kernels of one loaded model share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ops/cpu/activations.h"
#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/attention.h"
#include "ops/cpu/linear.h"
#include "ops/cpu/rotary.h"
#include "ops/cpu/thread_pool.h"
#include "ops/kernel_clock.h"
#include "ops/rope.h"

namespace abstractllm::ops {

/// Buffers of a mixture of experts, beside those of its block.
struct ExpertBuffers {
  cpu::Activations input;
  cpu::AlignedBuffer gathered;  // (rows of an expert, hidden)
  cpu::AlignedBuffer inner;     // (rows of an expert, intermediate)
  cpu::AlignedBuffer up;        // likewise
};

/// Buffers of latent attention, beside those of attention.
struct LatentBuffers {
  cpu::AlignedBuffer query;    // (rows, rank)
  cpu::AlignedBuffer latent;   // (rows, latent)
  cpu::AlignedBuffer rotated;  // (rows, rotated values of a key)
  cpu::AlignedBuffer key;      // (rows, heads * plain values of a key)
  cpu::AlignedBuffer value;    // (rows, heads * value_size)
};

/// Workers, and buffers that are reused from kernel to kernel. All but the
/// pool, the options and the clock belongs to the running kernel; MLX runs them
/// one after the other.
struct CpuState {
  CpuState(int threads, cpu::Precision precision)
      : pool({.threads = threads}), options{.precision = precision} {}

  /// Cosines and sines for `table`, computed once for all layers that turn
  /// alike.
  cpu::RotaryTable& rotary(const RopeTable& table);

  cpu::ThreadPool pool;
  cpu::LinearOptions options;
  KernelClock clock;
  cpu::WeightArena weights;  // while a model loads

  cpu::Activations input;
  cpu::AttentionScratch attention;
  ExpertBuffers experts;
  LatentBuffers latent;
  cpu::AlignedBuffer normed;  // (rows, hidden)
  cpu::AlignedBuffer query;   // (rows, heads * head_dim)
  cpu::AlignedBuffer key;     // (rows, kv_heads * head_dim)
  cpu::AlignedBuffer value;   // (rows, kv_heads * head_dim)
  cpu::AlignedBuffer inner;   // (rows, heads * head_dim or intermediate)
  cpu::AlignedBuffer branch;  // (rows, hidden)

 private:
  struct Rotary {
    RopeTable source;
    cpu::RotaryTable table;
  };
  std::vector<std::unique_ptr<Rotary>> rotaries_;
};

}  // namespace abstractllm::ops
