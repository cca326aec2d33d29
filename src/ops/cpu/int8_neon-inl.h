// Vector type of the NEON kernels; dot4 comes from the including file.
// SPDX-License-Identifier: Apache-2.0

struct Neon {
  static constexpr bool kSignedCodes = true;
  static constexpr int kLanes = 4;
  using Int = int32x4_t;
  using Float = float32x4_t;
  static constexpr int rows_at_once(int height) {
    return height < 4 ? height : 4;
  }
  static constexpr int vectors_at_once(int height) {
    return height <= 2 ? 4 : 2;
  }

  static ABSTRACTLLM_ALWAYS_INLINE uint8x16_t bytes(Int a) {
    return vreinterpretq_u8_s32(a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int words(uint8x16_t a) {
    return vreinterpretq_s32_u8(a);
  }

  static ABSTRACTLLM_ALWAYS_INLINE Int load_line(const std::uint8_t* p) {
    return words(vld1q_u8(p));
  }
  template <int kMask>
  static ABSTRACTLLM_ALWAYS_INLINE Int and_mask(Int a) {
    return words(vandq_u8(bytes(a), vdupq_n_u8(kMask)));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int or_bits(Int a, Int b) {
    return vorrq_s32(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int flip_sign(Int a) {
    return words(veorq_u8(bytes(a), vdupq_n_u8(128)));
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_left(Int a) {
    return words(vshlq_n_u8(bytes(a), kShift));
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_right(Int a) {
    return words(vshrq_n_u8(bytes(a), kShift));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int lookup(Int a) {
    static constexpr std::uint8_t kTable[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                                16, 15, 14, 13, 12, 10, 8,  4};
    return words(vqtbl1q_u8(vld1q_u8(kTable), bytes(a)));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int zero() { return vdupq_n_s32(0); }
  static ABSTRACTLLM_ALWAYS_INLINE Int broadcast(const std::int32_t* p) {
    return vld1q_dup_s32(p);
  }
  template <int kShift>
  static ABSTRACTLLM_ALWAYS_INLINE Int shift_words(Int a) {
    return vshlq_n_s32(a, kShift);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int subtract(Int a, Int b) {
    return vsubq_s32(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Int add(Int a, Int b) {
    return vaddq_s32(a, b);
  }
  template <int kByte>
  static ABSTRACTLLM_ALWAYS_INLINE Int byte_of_word(Int a) {
    const uint32x4_t word = vreinterpretq_u32_s32(a);
    const uint32x4_t low = vdupq_n_u32(255);
    if constexpr (kByte == 0) {
      return vreinterpretq_s32_u32(vandq_u32(word, low));
    } else {
      return vreinterpretq_s32_u32(
          vandq_u32(vshrq_n_u32(word, 8 * kByte), low));
    }
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float to_float(Int a) {
    return vcvtq_f32_s32(a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float float_zero() {
    return vdupq_n_f32(0.0f);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float splat(const float* p) {
    return vld1q_dup_f32(p);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float multiply(Float a, Float b) {
    return vmulq_f32(a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float fused_multiply_add(Float a, Float b,
                                                            Float c) {
    return vfmaq_f32(c, a, b);
  }
  static ABSTRACTLLM_ALWAYS_INLINE void store(float* p, Float a) {
    vst1q_f32(p, a);
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f32(const std::uint8_t* p) {
    return vld1q_f32(reinterpret_cast<const float*>(p));
  }
  static ABSTRACTLLM_ALWAYS_INLINE uint16x4_t halves(const std::uint8_t* p) {
    return vld1_u16(reinterpret_cast<const std::uint16_t*>(p));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_f16(const std::uint8_t* p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(halves(p)));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_bf16(const std::uint8_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(halves(p), 16));
  }
  static ABSTRACTLLM_ALWAYS_INLINE Float load_e8m0(const std::uint8_t* p) {
    const std::uint32_t exponents[4] = {p[0], p[1], p[2], p[3]};
    return vreinterpretq_f32_u32(vshlq_n_u32(vld1q_u32(exponents), 23));
  }
};
