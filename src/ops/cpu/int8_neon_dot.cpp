// Quantised panels with NEON's 8-bit dot product.
// SPDX-License-Identifier: Apache-2.0
#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstdint>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
#if !defined(__ARM_FEATURE_DOTPROD) && defined(__clang__)
ABSTRACTLLM_BEGIN_TARGET(("dotprod"))
#elif !defined(__ARM_FEATURE_DOTPROD)
ABSTRACTLLM_BEGIN_TARGET(("arch=armv8.2-a+dotprod"))
#endif
namespace {

#include "ops/cpu/int8_neon-inl.h"

struct Isa : Neon {
  static constexpr const char* kName = "neon-dot";

  template <int kFactorBits>
  static ABSTRACTLLM_ALWAYS_INLINE Int dot4(Int acc, const Int (&w)[4],
                                            const std::int8_t* x) {
    const int8x16_t quads = vld1q_s8(x);
    acc = vdotq_laneq_s32(acc, vreinterpretq_s8_s32(w[0]), quads, 0);
    acc = vdotq_laneq_s32(acc, vreinterpretq_s8_s32(w[1]), quads, 1);
    acc = vdotq_laneq_s32(acc, vreinterpretq_s8_s32(w[2]), quads, 2);
    return vdotq_laneq_s32(acc, vreinterpretq_s8_s32(w[3]), quads, 3);
  }
};

#include "ops/cpu/int8_panel-inl.h"

}  // namespace
#if !defined(__ARM_FEATURE_DOTPROD)
ABSTRACTLLM_END_TARGET
#endif

const Int8Kernels& int8_kernels_neon_dot() { return kKernels; }

}  // namespace abstractllm::ops::cpu

#endif
