// Limits of MLX 0.32.4 as its sources and libraries show them, and our own.
// SPDX-License-Identifier: Apache-2.0
#include "engine/backend_limits.h"

#include <algorithm>

#include "ops/cpu/kv_slab.h"

namespace abstractllm::engine {
namespace {

std::string listed(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return text;
}

const FusedAttention* limits_of(Target target, Phase phase) {
  const auto rows = fused_attention_limits();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) {
    return r.target == target && r.phase == phase;
  });
  return row == rows.end() ? nullptr : &*row;
}

bool has_kernel(const FusedAttention& limits, int head_dim) {
  if (limits.head_dims.empty()) {
    return head_dim % limits.multiple == 0 && head_dim <= limits.most;
  }
  return std::find(limits.head_dims.begin(), limits.head_dims.end(),
                   head_dim) != limits.head_dims.end();
}

std::string sizes_of(const FusedAttention& limits) {
  return limits.head_dims.empty()
             ? "multiples of " + std::to_string(limits.multiple) + " up to " +
                   std::to_string(limits.most)
             : listed(limits.head_dims);
}

// Products, softmax and products again: MLX composes them for any shape, and
// pads none to that of a kernel.
KernelPath unfused(std::string because) {
  return {Route::kUnfused, std::move(because) +
                               "; matmul, softmax and matmul instead, nothing "
                               "is padded"};
}

std::string filled_up(int size, int step) {
  return std::to_string((size + step - 1) / step * step);
}

// ops/cpu/kv_slab.h: heads lie in vectors of 16 numbers.
KernelPath own_attention(const AttentionShape& shape) {
  constexpr int kLanes = 16;
  if (shape.head_dim > ops::cpu::kMaxHeadSize) {
    return unfused("our kernel takes heads of at most " +
                   std::to_string(ops::cpu::kMaxHeadSize) +
                   "; their caches are float32");
  }
  if (shape.head_dim % kLanes == 0 && shape.value_dim % kLanes == 0) {
    return {Route::kFused, "our kernel takes any head size"};
  }
  const int size = std::max(shape.head_dim, shape.value_dim);
  return {Route::kPadded, "our kernel, over zeros from head size " +
                              std::to_string(size) + " up to " +
                              filled_up(size, kLanes)};
}

// ops/cpu/panel_layout.h: panels of 16 rows.
KernelPath own_matmul(const MatmulShape& shape) {
  constexpr int kPanelRows = 16;
  std::string because = shape.group_size > 0 ? "our kernel over packed codes"
                                             : "our kernel over packed numbers";
  if (shape.outputs % kPanelRows == 0) {
    return {Route::kFused, std::move(because)};
  }
  return {Route::kPadded, because + ", " + std::to_string(shape.outputs) +
                              " rows filled up to " +
                              filled_up(shape.outputs, kPanelRows)};
}

}  // namespace

std::string_view to_string(Target target) noexcept {
  switch (target) {
    case Target::kCpu:
      return "cpu";
    case Target::kReference:
      return "reference";
    case Target::kMetal:
      return "metal";
    case Target::kCuda:
      return "cuda";
  }
  return "";
}

std::string_view to_string(Route route) noexcept {
  switch (route) {
    case Route::kFused:
      return "fused";
    case Route::kPadded:
      return "padded";
    case Route::kUnfused:
      return "unfused";
  }
  return "";
}

std::string_view to_string(Phase phase) noexcept {
  return phase == Phase::kDecode ? "decode" : "prefill";
}

std::span<const FusedAttention> fused_attention_limits() {
  static const std::vector<FusedAttention> rows{
      {Target::kMetal,
       Phase::kDecode,
       {64, 96, 128, 256},
       0,
       0,
       32,
       true,
       "mlx/backend/metal/scaled_dot_product_attention.cpp, "
       "use_fallback: vector kernels"},
      {Target::kMetal,
       Phase::kPrefill,
       {64, 72, 80, 96, 128},
       0,
       0,
       0,
       true,
       "mlx/backend/metal/scaled_dot_product_attention.cpp, "
       "use_fallback: steel kernels"},
      {Target::kCuda,
       Phase::kDecode,
       {64, 96, 128},
       0,
       0,
       0,
       false,
       "mlx/backend/cuda/scaled_dot_product_attention.cu, "
       "supports_sdpa_vector"},
      {Target::kCuda,
       Phase::kPrefill,
       {},
       8,
       128,
       0,
       true,
       "mlx/backend/cuda/scaled_dot_product_attention.cpp, cuDNN: float16 and "
       "bfloat16, compute capability 8.0"},
  };
  return rows;
}

namespace {

// Sizes of heads that MLX has a kernel for and does not choose by itself:
// use_fallback of mlx/backend/metal/scaled_dot_product_attention.cpp.
bool leaves_kernel_alone(Target target, Phase phase, int head_dim) {
  if (target != Target::kMetal) return false;
  return head_dim == 192 || (phase == Phase::kPrefill && head_dim == 256);
}

}  // namespace

KernelPath attention_path(Target target, Phase phase,
                          const AttentionShape& shape) {
  if (target == Target::kCpu) return own_attention(shape);
  const FusedAttention* limits = limits_of(target, phase);
  if (limits == nullptr) {
    return unfused("MLX has no fused attention on the CPU");
  }
  if (shape.softcap) {
    return unfused("MLX's kernels do not cap scores");
  }
  if (shape.alibi && !limits->takes_array_mask) {
    return unfused(
        "the distances of ALiBi are an array, which no kernel takes");
  }
  const std::string size = std::to_string(shape.head_dim);
  // cuDNN takes each size for itself.
  const bool takes_both = limits->head_dims.empty() &&
                          has_kernel(*limits, shape.head_dim) &&
                          has_kernel(*limits, shape.value_dim);
  if (shape.value_dim != shape.head_dim && !takes_both) {
    // Keys of 192 with values of 128 have vector kernels of their own.
    if (target == Target::kMetal && phase == Phase::kDecode &&
        shape.head_dim == 192 && shape.value_dim == 128) {
      return {Route::kFused, "kernel for keys of 192 and values of 128"};
    }
    return unfused("keys of " + size + " and values of " +
                   std::to_string(shape.value_dim) + " have no kernel");
  }
  if (leaves_kernel_alone(target, phase, shape.head_dim)) {
    return unfused("there is a kernel for head size " + size +
                   ", but MLX prefers its plain products");
  }
  if (!has_kernel(*limits, shape.head_dim)) {
    return unfused("head size " + size + " has no kernel (" +
                   sizes_of(*limits) + " have)");
  }
  const int sharing = shape.kv_heads > 0 ? shape.heads / shape.kv_heads : 1;
  if (limits->max_queries_per_kv > 0 && sharing > limits->max_queries_per_kv) {
    return unfused(std::to_string(sharing) +
                   " heads share a key, the kernel takes " +
                   std::to_string(limits->max_queries_per_kv));
  }
  return {Route::kFused, "kernel for head size " + size};
}

KernelPath matmul_path(Target target, const MatmulShape& shape) {
  if (target == Target::kCpu) return own_matmul(shape);
  if (shape.group_size == 0) return {Route::kFused, "matmul"};
  if (shape.is_mxfp4) return {Route::kFused, "quantized_matmul, mode mxfp4"};
  const bool has_bits = shape.bits >= 2 && shape.bits <= 8 && shape.bits != 7;
  const bool has_group = shape.group_size == 32 || shape.group_size == 64 ||
                         shape.group_size == 128;
  if (!has_bits || !has_group) {
    return {Route::kUnfused, "MLX has no kernel for groups of " +
                                 std::to_string(shape.group_size) + " with " +
                                 std::to_string(shape.bits) +
                                 " bits; widened when loaded, then matmul"};
  }
  if (target != Target::kCuda) return {Route::kFused, "quantized_matmul"};
  const int step = std::max(64, shape.group_size);
  const bool has_tiles = (shape.bits == 4 || shape.bits == 8) &&
                         shape.outputs % 128 == 0 && shape.inputs % step == 0;
  return {Route::kFused,
          has_tiles ? "quantized_matmul on tensor cores"
                    : "quantized_matmul without tensor cores: they take 4 or "
                      "8 bits and whole tiles of 128"};
}

}  // namespace abstractllm::engine
