// Quantised panels with SSE4.1.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
ABSTRACTLLM_BEGIN_TARGET(("ssse3,sse4.1"))
namespace {

struct Isa {
  static constexpr const char* kName = "sse4";
  static constexpr bool kSignedCodes = true;
  static constexpr int kLanes = 4;
  using Int = __m128i;
  using Float = __m128;
  static constexpr int rows_at_once(int height) {
    return height < 4 ? height : 4;
  }
  static constexpr int vectors_at_once(int height) {
    return height == 1 ? 4 : 1;
  }

  static ABSTRACTLLM_ALWAYS_INLINE Int load_line(const std::uint8_t* p) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(p));
  }
  template <int kMask>
  static ABSTRACTLLM_ALWAYS_INLINE Int and_mask(Int a) {
    return _mm_and_si128(a, _mm_set1_epi8(kMask));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int or_bits(Int a, Int b) {
    return _mm_or_si128(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int flip_sign(Int a) {
    return _mm_xor_si128(a, _mm_set1_epi8(-128));
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_left(Int a) {
    return _mm_slli_epi16(a, kShift);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_right(Int a) {
    return _mm_srli_epi16(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int lookup(Int a) {
    const __m128i table = _mm_setr_epi8(16, 17, 18, 19, 20, 22, 24, 28, 16, 15,
                                        14, 13, 12, 10, 8, 4);
    return _mm_shuffle_epi8(table, a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int zero() { return _mm_setzero_si128(); }
  static ABSTRACTLLM_ALWAYS_INLINE Int broadcast(const std::int32_t* p) {
    return _mm_set1_epi32(*p);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_words(Int a) {
    return _mm_slli_epi32(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int subtract(Int a, Int b) {
    return _mm_sub_epi32(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int add(Int a, Int b) {
    return _mm_add_epi32(a, b);
  }
  template <int kByte>
  static ABSTRACTLLM_ALWAYS_INLINE Int byte_of_word(Int a) {
    return _mm_and_si128(_mm_srli_epi32(a, 8 * kByte), _mm_set1_epi32(255));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float to_float(Int a) {
    return _mm_cvtepi32_ps(a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float float_zero() {
    return _mm_setzero_ps();
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float splat(const float* p) {
    return _mm_set1_ps(*p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float multiply(Float a, Float b) {
    return _mm_mul_ps(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float fused_multiply_add(Float a, Float b,
                                                            Float c) {
    return _mm_add_ps(_mm_mul_ps(a, b), c);
  }
  static ABSTRACTLLM_ALWAYS_INLINE void store(float* p, Float a) {
    _mm_storeu_ps(p, a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f32(const std::uint8_t* p) {
    return _mm_load_ps(reinterpret_cast<const float*>(p));
  }
  // Exponent and mantissa moved to their place in a float are off by a factor
  // of 2^112, subnormal numbers too. Scales are finite.
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f16(const std::uint8_t* p) {
    const __m128i half = _mm_cvtepu16_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    const __m128i sign =
        _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x8000)), 16);
    const __m128i rest =
        _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x7fff)), 13);
    const __m128 value =
        _mm_mul_ps(_mm_castsi128_ps(rest), _mm_set1_ps(0x1p112f));
    return _mm_or_ps(value, _mm_castsi128_ps(sign));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_bf16(const std::uint8_t* p) {
    const __m128i half = _mm_cvtepu16_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    return _mm_castsi128_ps(_mm_slli_epi32(half, 16));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_e8m0(const std::uint8_t* p) {
    std::int32_t bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    return _mm_castsi128_ps(
        _mm_slli_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)), 23));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int quad(const std::int8_t* x) {
    std::int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return _mm_set1_epi32(word);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int widen(Int acc, Int pairs) {
    return _mm_add_epi32(acc, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
  }

  // As with AVX2: what fits into the 16 bits of maddubs.
  template <int kFactorBits>
  static ABSTRACTLLM_ALWAYS_INLINE Int dot4(Int acc, const Int (&w)[4],
                                            const std::int8_t* x) {
    Int p[4];
    ABSTRACTLLM_UNROLL
    for (int i = 0; i < 4; ++i) {
      const Int q = quad(x + 4 * i);
      if constexpr (kFactorBits == 8) {
        acc = widen(
            acc, _mm_maddubs_epi16(_mm_abs_epi8(w[i]), _mm_sign_epi8(q, w[i])));
      } else {
        p[i] = _mm_maddubs_epi16(w[i], q);
      }
    }
    if constexpr (kFactorBits == 8) return acc;
    const Int a = _mm_add_epi16(p[0], p[1]);
    const Int b = _mm_add_epi16(p[2], p[3]);
    if constexpr (kFactorBits == 6) return widen(widen(acc, a), b);
    return widen(acc, _mm_add_epi16(a, b));
  }
};

#include "ops/cpu/int8_panel-inl.h"

}  // namespace
ABSTRACTLLM_END_TARGET

const Int8Kernels& int8_kernels_sse4() { return kKernels; }

}  // namespace abstractllm::ops::cpu

#endif
