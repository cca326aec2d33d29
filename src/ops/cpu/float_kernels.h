// Norms, softmax and element-wise functions on rows of floats.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/panel_kernels.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

struct NormOptions {
  float eps = 1e-5f;
  bool plus_one = false;  ///< weights are stored less one (Gemma)
};

/// out = x / rms(x) * weight, for each row of [rows, columns]. `weight` may be
/// null; `out` may be `x`.
void rms_norm(ThreadPool& pool, const float* x, std::int64_t rows,
              std::int64_t columns, const float* weight, NormOptions options,
              float* out);

/// out = (x - mean) / deviation * weight + bias, for each row. `weight` and
/// `bias` may be null; `out` may be `x`.
void layer_norm(ThreadPool& pool, const float* x, std::int64_t rows,
                std::int64_t columns, const float* weight, const float* bias,
                NormOptions options, float* out);

/// Softmax of `count` values in place. Values of minus infinity get 0; if all
/// are, the result is all 0; if one is NaN, it is all NaN. Returns
/// log(sum(exp(x))).
float softmax(float* x, std::int64_t count);

/// out = activation(x) for `count` values; `out` may be `x`.
void activate(GateKind kind, const float* x, std::int64_t count, float* out);

/// out = activation(gate) * up.
void gate(GateKind kind, const float* gate, const float* up, std::int64_t count,
          float* out);

/// y += x * factor.
void add_scaled(const float* x, float factor, std::int64_t count, float* y);

/// x = cap * tanh(x / cap), as in Gemma 2's logits.
void soft_cap(float cap, std::int64_t count, float* x);

/// Index of the largest value; the first of equals; NaN loses.
/// REQUIRES: count > 0.
std::int64_t argmax(const float* x, std::int64_t count);

}  // namespace abstractllm::ops::cpu
