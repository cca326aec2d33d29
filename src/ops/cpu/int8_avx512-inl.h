// Vector type of the 512-bit kernels; dot4 comes from the including file.
// SPDX-License-Identifier: Apache-2.0

struct Avx512 {
  static constexpr int kLanes = 16;
  using Int = __m512i;
  using Float = __m512;
  static constexpr int rows_at_once(int height) { return height; }
  static constexpr int vectors_at_once(int) { return 1; }

  static ABSTRACTLLM_ALWAYS_INLINE Int load_line(const std::uint8_t* p) {
    return _mm512_load_si512(p);
  }
  template <int kMask>
  static ABSTRACTLLM_ALWAYS_INLINE Int and_mask(Int a) {
    return _mm512_and_si512(a, _mm512_set1_epi8(kMask));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int or_bits(Int a, Int b) {
    return _mm512_or_si512(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int flip_sign(Int a) {
    return _mm512_xor_si512(a, _mm512_set1_epi8(-128));
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_left(Int a) {
    return _mm512_slli_epi16(a, kShift);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_right(Int a) {
    return _mm512_srli_epi16(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int lookup(Int a) {
    const __m128i table = _mm_setr_epi8(16, 17, 18, 19, 20, 22, 24, 28, 16, 15,
                                        14, 13, 12, 10, 8, 4);
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE void store_line(std::uint8_t* p, Int a) {
    _mm512_store_si512(p, a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int zero() { return _mm512_setzero_si512(); }
  static ABSTRACTLLM_ALWAYS_INLINE Int broadcast(const std::int32_t* p) {
    return _mm512_set1_epi32(*p);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_words(Int a) {
    return _mm512_slli_epi32(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_words_by(Int a, int count) {
    return _mm512_sll_epi32(a, _mm_cvtsi32_si128(count));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int subtract(Int a, Int b) {
    return _mm512_sub_epi32(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int add(Int a, Int b) {
    return _mm512_add_epi32(a, b);
  }
  template <int kByte>
  static ABSTRACTLLM_ALWAYS_INLINE Int byte_of_word(Int a) {
    return _mm512_and_si512(_mm512_srli_epi32(a, 8 * kByte),
                            _mm512_set1_epi32(255));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float to_float(Int a) {
    return _mm512_cvtepi32_ps(a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float float_zero() {
    return _mm512_setzero_ps();
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float splat(const float* p) {
    return _mm512_set1_ps(*p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float multiply(Float a, Float b) {
    return _mm512_mul_ps(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float fused_multiply_add(Float a, Float b,
                                                            Float c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  static ABSTRACTLLM_ALWAYS_INLINE void store(float* p, Float a) {
    _mm512_storeu_ps(p, a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_float(const float* p) {
    return _mm512_loadu_ps(p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f32(const std::uint8_t* p) {
    return _mm512_load_ps(p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f16(const std::uint8_t* p) {
    return _mm512_cvtph_ps(
        _mm256_load_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_bf16(const std::uint8_t* p) {
    const __m256i halves =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_e8m0(const std::uint8_t* p) {
    const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu8_epi32(bytes), 23));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int quad(const std::int8_t* x) {
    std::int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return _mm512_set1_epi32(word);
  }
};
