// Quantised panels with NEON before the 8-bit dot product.
// SPDX-License-Identifier: Apache-2.0
#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstdint>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
namespace {

#include "ops/cpu/int8_neon-inl.h"

struct Isa : Neon {
  static constexpr const char* kName = "neon";

  static ABSTRACTLLM_ALWAYS_INLINE Int dot(Int acc, Int w, int8x16_t x) {
    const int8x16_t codes = vreinterpretq_s8_s32(w);
    const int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
    const int16x8_t high = vmull_high_s8(codes, x);
    // Two products of at most 128 * 127 fit into 16 bits.
    return vpadalq_s16(acc, vpaddq_s16(low, high));
  }

  template <int kFactorBits>
  static ABSTRACTLLM_ALWAYS_INLINE Int dot4(Int acc, const Int (&w)[4],
                                            const std::int8_t* x) {
    ABSTRACTLLM_UNROLL
    for (int i = 0; i < 4; ++i) {
      std::int32_t quad;
      __builtin_memcpy(&quad, x + 4 * i, sizeof(quad));
      acc = dot(acc, w[i], vreinterpretq_s8_s32(vdupq_n_s32(quad)));
    }
    return acc;
  }
};

#include "ops/cpu/int8_panel-inl.h"

}  // namespace

const Int8Kernels& int8_kernels_neon() { return kKernels; }

}  // namespace abstractllm::ops::cpu

#endif
