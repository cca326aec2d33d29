// Quantised panels with the 256-bit form of the 8-bit dot product.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
ABSTRACTLLM_BEGIN_TARGET(("avx2,fma,f16c,avxvnni"))
namespace {

#include "ops/cpu/int8_avx2-inl.h"

struct Isa : Avx2 {
  static constexpr const char* kName = "avx-vnni";
  static constexpr bool kSignedCodes = false;

  // 4 sums and 8 dot products, two registers of codes, one of activations.
  static constexpr int kGemmRows = 2;
  static constexpr int kGemmVectors = 2;

  static ABSTRACTLLM_ALWAYS_INLINE Int dot(Int acc, Int w, Int x) {
    return _mm256_dpbusd_avx_epi32(acc, w, x);
  }
  template <int kFactorBits>
  static ABSTRACTLLM_ALWAYS_INLINE Int dot4(Int acc, const Int (&w)[4],
                                            const std::int8_t* x) {
    acc = _mm256_dpbusd_avx_epi32(acc, w[0], quad(x));
    acc = _mm256_dpbusd_avx_epi32(acc, w[1], quad(x + 4));
    acc = _mm256_dpbusd_avx_epi32(acc, w[2], quad(x + 8));
    return _mm256_dpbusd_avx_epi32(acc, w[3], quad(x + 12));
  }
};

#include "ops/cpu/int8_panel-inl.h"
//
#include "ops/cpu/int8_gemm-inl.h"

}  // namespace
ABSTRACTLLM_END_TARGET

const Int8Kernels& int8_kernels_avx_vnni() { return kGemmKernels; }

}  // namespace abstractllm::ops::cpu

#endif
