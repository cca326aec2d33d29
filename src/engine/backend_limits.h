// What each backend can compute, and by which path: the one table of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::engine {

enum class Target {
  kCpu,        ///< our kernels
  kReference,  ///< stock MLX on the CPU
  kMetal,
  kCuda,
};
inline constexpr std::array kTargets{Target::kCpu, Target::kReference,
                                     Target::kMetal, Target::kCuda};

/// "cpu", "reference", "metal", "cuda".
std::string_view to_string(Target target) noexcept;

enum class Route {
  kFused,    ///< one kernel
  kPadded,   ///< one kernel, over zeros beside what there is
  kUnfused,  ///< several operations: slower, with the same result
};
std::string_view to_string(Route route) noexcept;

enum class Phase { kDecode, kPrefill };
std::string_view to_string(Phase phase) noexcept;

/// Attention of one kind of layer. A plain value.
struct AttentionShape {
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int value_dim = 0;
  bool softcap = false;  ///< of the scores
  bool alibi = false;    ///< scores fall with the distance: an array as a mask
  bool operator==(const AttentionShape&) const = default;
};

/// A product with one weight matrix. A plain value.
struct MatmulShape {
  int outputs = 0;
  int inputs = 0;
  int bits = 16;          ///< of a code; 16 or 32 of plain numbers
  int group_size = 0;     ///< 0: not quantised
  bool is_mxfp4 = false;  ///< with a power of two for 32
  auto operator<=>(const MatmulShape&) const = default;
};

/// A path that exists: every shape has one on every backend.
struct KernelPath {
  Route route = Route::kUnfused;
  std::string because;
};

KernelPath attention_path(Target target, Phase phase,
                          const AttentionShape& shape);
KernelPath matmul_path(Target target, const MatmulShape& shape);

/// Head sizes that MLX's fused attention has kernels for.
struct FusedAttention {
  Target target;
  Phase phase;
  /// Sizes with kernels; empty: each that `multiple` divides, up to `most`.
  std::vector<int> head_dims;
  int multiple = 0;
  int most = 0;
  int max_queries_per_kv = 0;  ///< heads that share a key; 0: any
  bool takes_array_mask = true;
  std::string_view source;
};
std::span<const FusedAttention> fused_attention_limits();

}  // namespace abstractllm::engine
