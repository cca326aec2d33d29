// Quantised panels with AVX-512 and its 8-bit dot product.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
ABSTRACTLLM_BEGIN_TARGET(
    ("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))
namespace {

#include "ops/cpu/int8_avx512-inl.h"

struct Isa : Avx512 {
  static constexpr const char* kName = "avx512-vnni";
  static constexpr bool kSignedCodes = false;

  // 8 sums and 16 dot products, two registers of codes, one of activations.
  static constexpr int kGemmRows = 4;
  static constexpr int kGemmVectors = 2;

  static ABSTRACTLLM_ALWAYS_INLINE Int dot(Int acc, Int w, Int x) {
    return _mm512_dpbusd_epi32(acc, w, x);
  }
  template <int kFactorBits>
  static ABSTRACTLLM_ALWAYS_INLINE Int dot4(Int acc, const Int (&w)[4],
                                            const std::int8_t* x) {
    acc = _mm512_dpbusd_epi32(acc, w[0], quad(x));
    acc = _mm512_dpbusd_epi32(acc, w[1], quad(x + 4));
    acc = _mm512_dpbusd_epi32(acc, w[2], quad(x + 8));
    return _mm512_dpbusd_epi32(acc, w[3], quad(x + 12));
  }
};

#include "ops/cpu/int8_panel-inl.h"
//
#include "ops/cpu/int8_gemm-inl.h"

}  // namespace
ABSTRACTLLM_END_TARGET

const Int8Kernels& int8_kernels_avx512_vnni() { return kGemmKernels; }

}  // namespace abstractllm::ops::cpu

#endif
