// Quantised panels in plain C++, for processors without kernels of their own.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

// Nothing here lives in vector registers that unrolling could name.
#undef ABSTRACTLLM_UNROLL
#define ABSTRACTLLM_UNROLL
#undef ABSTRACTLLM_ALWAYS_INLINE
#define ABSTRACTLLM_ALWAYS_INLINE inline

namespace abstractllm::ops::cpu {
namespace {

struct Isa {
  static constexpr const char* kName = "portable";
  static constexpr bool kSignedCodes = false;
  static constexpr int kLanes = 4;
  struct Int {
    std::uint32_t lane[kLanes];
  };
  struct Float {
    float lane[kLanes];
  };
  static constexpr int rows_at_once(int) { return 1; }
  static constexpr int vectors_at_once(int) { return 4; }

  template <typename Function>
  static Int each(Function function) {
    Int result;
    for (int i = 0; i < kLanes; ++i) result.lane[i] = function(i);
    return result;
  }
  template <typename Function>
  static Float each_float(Function function) {
    Float result;
    for (int i = 0; i < kLanes; ++i) result.lane[i] = function(i);
    return result;
  }
  static std::uint32_t byte_at(std::uint32_t word, int index) {
    return word >> (8 * index) & 255u;
  }
  static std::uint32_t load_word(const std::uint8_t* p) {
    return p[0] | p[1] << 8 | p[2] << 16 |
           static_cast<std::uint32_t>(p[3]) << 24;
  }

  static Int load_line(const std::uint8_t* p) {
    return each([&](int i) { return load_word(p + 4 * i); });
  }
  template <int kMask>
  static Int and_mask(Int a) {
    return each([&](int i) { return a.lane[i] & (kMask * 0x01010101u); });
  }
  static Int or_bits(Int a, Int b) {
    return each([&](int i) { return a.lane[i] | b.lane[i]; });
  }
  static Int flip_sign(Int a) {
    return each([&](int i) { return a.lane[i] ^ 0x80808080u; });
  }
  template <int kShift>
  static Int shift_left(Int a) {
    return each([&](int i) { return a.lane[i] << kShift; });
  }
  template <int kShift>
  static Int shift_right(Int a) {
    return each([&](int i) { return a.lane[i] >> kShift; });
  }
  static Int lookup(Int a) {
    constexpr std::uint8_t kTable[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                         16, 15, 14, 13, 12, 10, 8,  4};
    return each([&](int i) {
      std::uint32_t word = 0;
      for (int b = 0; b < 4; ++b) {
        word |= static_cast<std::uint32_t>(kTable[byte_at(a.lane[i], b) & 15])
                << (8 * b);
      }
      return word;
    });
  }
  static Int zero() { return Int{}; }
  static Int broadcast(const std::int32_t* p) {
    return each([&](int) { return static_cast<std::uint32_t>(*p); });
  }
  template <int kShift>
  static Int shift_words(Int a) {
    return shift_left<kShift>(a);
  }
  static Int subtract(Int a, Int b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static Int add(Int a, Int b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  template <int kByte>
  static Int byte_of_word(Int a) {
    return each([&](int i) { return byte_at(a.lane[i], kByte); });
  }
  static Float to_float(Int a) {
    return each_float([&](int i) {
      return static_cast<float>(static_cast<std::int32_t>(a.lane[i]));
    });
  }
  static Float float_zero() { return Float{}; }
  static Float splat(const float* p) {
    return each_float([&](int) { return *p; });
  }
  static Float multiply(Float a, Float b) {
    return each_float([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static Float fused_multiply_add(Float a, Float b, Float c) {
    return each_float([&](int i) { return a.lane[i] * b.lane[i] + c.lane[i]; });
  }
  static void store(float* p, Float a) { std::memcpy(p, a.lane, sizeof(a)); }
  static float from_bits(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  static std::uint32_t load_half(const std::uint8_t* p, int i) {
    return static_cast<std::uint32_t>(p[2 * i] | p[2 * i + 1] << 8);
  }
  static Float load_f32(const std::uint8_t* p) {
    Float result;
    std::memcpy(result.lane, p, sizeof(result));
    return result;
  }
  static Float load_f16(const std::uint8_t* p) {
    return each_float([&](int i) {
      const std::uint32_t half = load_half(p, i);
      const float value = from_bits((half & 0x7fffu) << 13) * 0x1p112f;
      return (half & 0x8000u) != 0 ? -value : value;
    });
  }
  static Float load_bf16(const std::uint8_t* p) {
    return each_float([&](int i) { return from_bits(load_half(p, i) << 16); });
  }
  static Float load_e8m0(const std::uint8_t* p) {
    return each_float([&](int i) {
      return from_bits(static_cast<std::uint32_t>(p[i]) << 23);
    });
  }
  template <int kFactorBits>
  static Int dot4(Int acc, const Int (&w)[4], const std::int8_t* x) {
    return each([&](int i) {
      std::int32_t sum = 0;
      for (int k = 0; k < 16; ++k) {
        sum +=
            static_cast<std::int32_t>(byte_at(w[k / 4].lane[i], k % 4)) * x[k];
      }
      return acc.lane[i] + static_cast<std::uint32_t>(sum);
    });
  }
};

#include "ops/cpu/int8_panel-inl.h"

}  // namespace

const Int8Kernels& int8_kernels_portable() { return kKernels; }

}  // namespace abstractllm::ops::cpu
