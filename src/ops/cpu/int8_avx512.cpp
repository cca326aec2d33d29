// Quantised panels with AVX-512 before the 8-bit dot product.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
ABSTRACTLLM_BEGIN_TARGET(("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))
namespace {

#include "ops/cpu/int8_avx512-inl.h"

struct Isa : Avx512 {
  static constexpr const char* kName = "avx512";
  static constexpr bool kSignedCodes = true;

  static ABSTRACTLLM_ALWAYS_INLINE Int widen(Int acc, Int pairs) {
    return _mm512_add_epi32(acc,
                            _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }

  // maddubs adds two products in 16 bits. Codes of 8 bits fit only as
  // magnitude times signed activation (128 * 127 * 2); the sums of four fit up
  // to 5 bits (31 * 127 * 8), the sums of two up to 6.
  template <int kFactorBits>
  static ABSTRACTLLM_ALWAYS_INLINE Int dot4(Int acc, const Int (&w)[4],
                                            const std::int8_t* x) {
    Int p[4];
    ABSTRACTLLM_UNROLL
    for (int i = 0; i < 4; ++i) {
      const Int q = quad(x + 4 * i);
      if constexpr (kFactorBits == 8) {
        const Int signed_q = _mm512_mask_sub_epi8(q, _mm512_movepi8_mask(w[i]),
                                                  _mm512_setzero_si512(), q);
        acc = widen(acc, _mm512_maddubs_epi16(_mm512_abs_epi8(w[i]), signed_q));
      } else {
        p[i] = _mm512_maddubs_epi16(w[i], q);
      }
    }
    if constexpr (kFactorBits == 8) return acc;
    const Int a = _mm512_add_epi16(p[0], p[1]);
    const Int b = _mm512_add_epi16(p[2], p[3]);
    if constexpr (kFactorBits == 6) return widen(widen(acc, a), b);
    return widen(acc, _mm512_add_epi16(a, b));
  }
};

#include "ops/cpu/int8_panel-inl.h"

}  // namespace
ABSTRACTLLM_END_TARGET

const Int8Kernels& int8_kernels_avx512() { return kKernels; }

}  // namespace abstractllm::ops::cpu

#endif
