// What the CPU kernels of one loaded model share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ops/adapter.h"
#include "ops/backend.h"
#include "ops/cpu/activations.h"
#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/attention.h"
#include "ops/cpu/linear.h"
#include "ops/cpu/rotary.h"
#include "ops/cpu/rounded_attention.h"
#include "ops/cpu/stretch_attention.h"
#include "ops/cpu/thread_pool.h"
#include "ops/cpu_precision.h"
#include "ops/kernel_clock.h"
#include "ops/kv_layer.h"
#include "ops/rope.h"

namespace abstractllm::ops {

/// Buffers of a mixture of experts, beside those of its block.
struct ExpertBuffers {
  cpu::Activations input;
  cpu::AlignedBuffer gathered;  // (rows of an expert, hidden)
  cpu::AlignedBuffer inner;     // (rows of an expert, intermediate)
  cpu::AlignedBuffer up;        // likewise
};

/// Buffers of an adapter's products, and what the running kernel applies.
struct AdapterBuffers {
  /// Null: no row of the step is adapted.
  std::shared_ptr<const RowChanges> changes;
  cpu::Activations input;
  cpu::Activations reduced;
  cpu::AlignedBuffer product;  // (rows, rank)
  cpu::AlignedBuffer base;     // (rows, outputs)
  cpu::AlignedBuffer up;       // (rows, intermediate)
};

/// Buffers of latent attention, beside those of attention.
struct LatentBuffers {
  cpu::AlignedBuffer query;    // (rows, rank)
  cpu::AlignedBuffer latent;   // (rows, latent)
  cpu::AlignedBuffer rotated;  // (rows, rotated values of a key)
  cpu::AlignedBuffer key;      // (rows, heads * plain values of a key)
  cpu::AlignedBuffer value;    // (rows, heads * value_size)
};

/// How the kernels of a block compute.
struct KernelOptions : cpu::LinearOptions {
  /// Attention over caches of 16 bits and less meets bf16 where the processor
  /// has a dot product for it.
  bool rounds_attention = false;
};

/// Workers, and buffers that are reused from kernel to kernel. What
/// comes first is shared; the options and the buffers belong to the running
/// kernel, and MLX runs them one after the other.
struct CpuState {
  CpuState(int threads, CpuPrecision precision,
           std::optional<cpu::KvType> kv_type = {})
      : shared_pool(cpu::ThreadPool::shared(threads)),
        pool(*shared_pool),
        precision(precision),
        kv_type(kv_type.value_or(default_kv_type(precision))) {
    next_options.precision = precision.generated;
  }

  /// Cosines and sines for `table`, computed once for all layers that turn
  /// alike. Valid until the next call.
  cpu::RotaryTable& rotary(const RopeTable& table);

  /// Those of rows that stand where `placement` says, computed once for the
  /// layers of a step. Valid until the next call.
  cpu::RopeRows placed_rotary(const RopeTable& table,
                              std::shared_ptr<const RowPlacement> placement);

  const std::shared_ptr<cpu::ThreadPool> shared_pool;  ///< of the process
  cpu::ThreadPool& pool;
  const CpuPrecision precision;
  const cpu::KvType kv_type;  ///< of the caches
  /// Of the kernels that go into a graph next; set by RowKind.
  KernelOptions next_options;
  /// Of the running kernel.
  KernelOptions options;
  /// Of the kernels that go into a graph next; set by AdapterScope.
  std::shared_ptr<const RowChanges> next_changes;
  KernelClock clock;
  cpu::WeightArena weights;  // while a model loads

  cpu::Activations input;
  cpu::AttentionScratch attention;
  cpu::RoundedAttentionScratch rounded_attention;
  cpu::StretchScratch stretches;
  ExpertBuffers experts;
  LatentBuffers latent;
  AdapterBuffers adapters;
  cpu::AlignedBuffer normed;  // (rows, hidden)
  cpu::AlignedBuffer query;   // (rows, heads * head_dim)
  cpu::AlignedBuffer key;     // (rows, kv_heads * head_dim)
  cpu::AlignedBuffer value;   // (rows, kv_heads * head_dim)
  cpu::AlignedBuffer inner;   // (rows, heads * head_dim or intermediate)
  cpu::AlignedBuffer branch;  // (rows, hidden)
  cpu::AlignedBuffer gate;    // (rows, heads * value_size)

 private:
  struct Rotary {
    RopeTable source;
    cpu::RotaryTable table;
  };
  // Holding the placement keeps its address from being used again.
  struct PlacedRotary {
    RopeTable source;
    std::shared_ptr<const RowPlacement> placement;
    RopeAngles angles;
  };
  std::vector<std::unique_ptr<Rotary>> rotaries_;
  std::vector<PlacedRotary> placed_;  // the last few
};

/// While it lives, kernels that go into a graph are for images: large layers of
/// bf16 weights meet activations of bf16 unless all is to be exact. Engine
/// thread.
class ImageRows {
 public:
  explicit ImageRows(const Backend& backend);
  ~ImageRows();
  ImageRows(const ImageRows&) = delete;
  ImageRows& operator=(const ImageRows&) = delete;

 private:
  CpuState* cpu_;  // null on other backends
};

/// While it lives, kernels that go into a graph are for rows of the kind that
/// `step` has; without one they are for generated rows. Engine thread.
class RowKind {
 public:
  RowKind(const Backend& backend, const Step& step);
  ~RowKind();
  RowKind(const RowKind&) = delete;
  RowKind& operator=(const RowKind&) = delete;

 private:
  CpuState* cpu_;  // null on other backends
};

}  // namespace abstractllm::ops
