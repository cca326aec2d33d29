// Vector type of the 256-bit kernels; dot4 comes from the including file.
// SPDX-License-Identifier: Apache-2.0

struct Avx2 {
  static constexpr int kLanes = 8;
  using Int = __m256i;
  using Float = __m256;
  // 16 registers: sums and dot products of 4 rows, 4 quads of codes.
  static constexpr int rows_at_once(int height) {
    return height < 4 ? height : 4;
  }
  static constexpr int vectors_at_once(int height) {
    return height == 1 ? 2 : 1;
  }

  static ABSTRACTLLM_ALWAYS_INLINE Int load_line(const std::uint8_t* p) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
  template <int kMask>
  static ABSTRACTLLM_ALWAYS_INLINE Int and_mask(Int a) {
    return _mm256_and_si256(a, _mm256_set1_epi8(kMask));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int or_bits(Int a, Int b) {
    return _mm256_or_si256(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int flip_sign(Int a) {
    return _mm256_xor_si256(a, _mm256_set1_epi8(-128));
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_left(Int a) {
    return _mm256_slli_epi16(a, kShift);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_right(Int a) {
    return _mm256_srli_epi16(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int lookup(Int a) {
    const __m128i table = _mm_setr_epi8(16, 17, 18, 19, 20, 22, 24, 28, 16, 15,
                                        14, 13, 12, 10, 8, 4);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE void store_line(std::uint8_t* p, Int a) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(p), a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int zero() { return _mm256_setzero_si256(); }
  static ABSTRACTLLM_ALWAYS_INLINE Int broadcast(const std::int32_t* p) {
    return _mm256_set1_epi32(*p);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_words(Int a) {
    return _mm256_slli_epi32(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_words_by(Int a, int count) {
    return _mm256_sll_epi32(a, _mm_cvtsi32_si128(count));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int subtract(Int a, Int b) {
    return _mm256_sub_epi32(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int add(Int a, Int b) {
    return _mm256_add_epi32(a, b);
  }
  template <int kByte>
  static ABSTRACTLLM_ALWAYS_INLINE Int byte_of_word(Int a) {
    return _mm256_and_si256(_mm256_srli_epi32(a, 8 * kByte),
                            _mm256_set1_epi32(255));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float to_float(Int a) {
    return _mm256_cvtepi32_ps(a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float float_zero() {
    return _mm256_setzero_ps();
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float splat(const float* p) {
    return _mm256_set1_ps(*p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float multiply(Float a, Float b) {
    return _mm256_mul_ps(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float fused_multiply_add(Float a, Float b,
                                                            Float c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  static ABSTRACTLLM_ALWAYS_INLINE void store(float* p, Float a) {
    _mm256_storeu_ps(p, a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_float(const float* p) {
    return _mm256_loadu_ps(p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f32(const std::uint8_t* p) {
    return _mm256_load_ps(reinterpret_cast<const float*>(p));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f16(const std::uint8_t* p) {
    return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_bf16(const std::uint8_t* p) {
    const __m128i halves = _mm_load_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_e8m0(const std::uint8_t* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu8_epi32(bytes), 23));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int quad(const std::int8_t* x) {
    std::int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return _mm256_set1_epi32(word);
  }
};
