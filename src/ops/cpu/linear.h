// Linear layers over packed weights.
// SPDX-License-Identifier: Apache-2.0

//   Activations x;                                  // kept between calls
//   x.set(hidden, tokens, hidden_size);
//   linear(pool, x, {{.weights = &wq, .y = q},       // one pass over x
//                    {.weights = &wk, .y = k},
//                    {.weights = &wv, .y = v}});
//   gated_linear(pool, x, gate, up, GateKind::kSilu, inner);
//   linear(pool, inner_x, {{.weights = &wo, .y = hidden, .add = true}});
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "ops/cpu/activations.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/packed_matrix.h"
#include "ops/cpu/panel_kernels.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

/// One product of a call: y = x . weights^T (+ bias) (+ y).
struct LinearTarget {
  const PackedMatrix* weights = nullptr;
  float* y = nullptr;           ///< [x.rows(), weights->rows()]
  std::int64_t stride = 0;      ///< floats between rows of y; 0: dense
  const float* bias = nullptr;  ///< [weights->rows()] or null
  bool add = false;             ///< add to what y holds (the residual)
};

/// What weights are multiplied with. Dense weights meet f32, but those of bf16
/// under kInt8 meet bf16 where the processor has a dot product for it.
enum class Precision : std::uint8_t {
  /// Activations rounded to 8 bits, 32 values sharing a scale (each has its own
  /// if weights are bf16). Fastest; moves logits enough to change close
  /// decisions.
  kInt8,
  /// The 8 bits and, as a second row of the same kernel, what they leave over:
  /// 15 bits together, near f32.
  kInt8Pair,
  /// f32 throughout.
  kExact,
};

/// Sides of matrices that average the rounding of their input out.
inline constexpr std::int64_t kBearsBf16 = 512;

struct LinearOptions {
  Precision precision = Precision::kInt8Pair;
  /// Weights of bf16 with at least kBearsBf16 rows and columns meet bf16 under
  /// kInt8Pair, too.
  bool rounds_bf16 = false;
  /// Instruction sets to use; null: all that the machine has.
  const CpuFeatures* features = nullptr;
};

/// Multiplies one input with several matrices. All have x.columns() columns.
/// y must not overlap x. Runs on the pool; returns when done.
void linear(ThreadPool& pool, Activations& x,
            std::span<const LinearTarget> targets,
            const LinearOptions& options = {});
inline void linear(ThreadPool& pool, Activations& x,
                   std::initializer_list<LinearTarget> targets,
                   const LinearOptions& options = {}) {
  linear(pool, x, std::span(targets.begin(), targets.size()), options);
}

/// The two matrices of a gated unit and what to do with their products.
struct GatedTarget {
  const PackedMatrix* gate = nullptr;
  const PackedMatrix* up = nullptr;  ///< of the same shape
  GateKind kind = GateKind::kSilu;
  float* y = nullptr;       ///< [x.rows(), gate->rows()]
  std::int64_t stride = 0;  ///< floats between rows of y; 0: dense
  const float* gate_bias = nullptr;
  const float* up_bias = nullptr;
};

/// y = activation(x . gate^T) * (x . up^T), without intermediate arrays.
void gated_linear(ThreadPool& pool, Activations& x, const GatedTarget& target,
                  const LinearOptions& options = {});

}  // namespace abstractllm::ops::cpu
