// One struct a block type; the loops have fixed lengths so that they vectorise.
// SPDX-License-Identifier: Apache-2.0
#include "io/block_decoders.h"

#include <cstring>

#include "io/block_decoding.h"
#include "io/half.h"

namespace abstractllm::io {
namespace {

using Byte = std::uint8_t;

// The fifth bits of 32 codes lie in four bytes, lowest element lowest.
void add_fifth_bits(const Byte* __restrict high, Byte* __restrict codes) {
  for (int i = 0; i < 32; ++i) {
    codes[i] |= static_cast<Byte>((high[i / 8] >> (i % 8) & 1) << 4);
  }
}

// The structs have the names of the format's documents.
// NOLINTBEGIN(readability-identifier-naming)

// d; 16 bytes of halves. w = d * (code - 8)
struct Q4_0 {
  static constexpr int kElements = 32, kBytes = 18, kGroup = 32, kBits = 4;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    scales[0] = half_at(block);
    biases[0] = -8.0f * scales[0];
    split_halves(block + 2, codes);
  }
};

// d, m; 16 bytes of halves. w = d * code + m
struct Q4_1 {
  static constexpr int kElements = 32, kBytes = 20, kGroup = 32, kBits = 4;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    scales[0] = half_at(block);
    biases[0] = half_at(block + 2);
    split_halves(block + 4, codes);
  }
};

// d; fifth bits; halves. w = d * (code - 16)
struct Q5_0 {
  static constexpr int kElements = 32, kBytes = 22, kGroup = 32, kBits = 5;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    scales[0] = half_at(block);
    biases[0] = -16.0f * scales[0];
    split_halves(block + 6, codes);
    add_fifth_bits(block + 2, codes);
  }
};

// d, m; fifth bits; halves. w = d * code + m
struct Q5_1 {
  static constexpr int kElements = 32, kBytes = 24, kGroup = 32, kBits = 5;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    scales[0] = half_at(block);
    biases[0] = half_at(block + 2);
    split_halves(block + 8, codes);
    add_fifth_bits(block + 4, codes);
  }
};

// d; 32 signed bytes. w = d * byte
struct Q8_0 {
  static constexpr int kElements = 32, kBytes = 34, kGroup = 32, kBits = 8;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    scales[0] = half_at(block);
    biases[0] = -128.0f * scales[0];
    for (int i = 0; i < 32; ++i) codes[i] = block[2 + i] ^ 0x80;
  }
};

// 16 bytes of (scale, min) halves; 64 bytes of codes; d, dmin.
// w = d * scale * code - dmin * min
struct Q2_K {
  static constexpr int kElements = 256, kBytes = 84, kGroup = 16, kBits = 2;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    const float d = half_at(block + 80);
    const float dmin = half_at(block + 82);
    for (int g = 0; g < 16; ++g) {
      scales[g] = d * static_cast<float>(block[g] & 0x0f);
      biases[g] = -(dmin * static_cast<float>(block[g] >> 4));
    }
    for (int part = 0; part < 2; ++part) {
      const Byte* packed = block + 16 + 32 * part;
      for (int quarter = 0; quarter < 4; ++quarter) {
        Byte* out = codes + 128 * part + 32 * quarter;
        const int shift = 2 * quarter;
        for (int i = 0; i < 32; ++i) {
          out[i] = static_cast<Byte>(packed[i] >> shift & 3);
        }
      }
    }
  }
};

// 32 bytes of third bits; 64 bytes of low bits; 12 bytes of scales; d.
// w = d * (scale - 32) * (code - 4)
struct Q3_K {
  static constexpr int kElements = 256, kBytes = 110, kGroup = 16, kBits = 3;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    const Byte* packed_scales = block + 96;
    const float d = half_at(block + 108);
    for (int g = 0; g < 16; ++g) {
      // Low four bits in bytes 0 to 7, two halves each; high two bits in
      // bytes 8 to 11, four quarters each.
      const int low = packed_scales[g % 8] >> (g < 8 ? 0 : 4) & 0x0f;
      const int high = packed_scales[8 + g % 4] >> (2 * (g / 4)) & 3;
      scales[g] = d * static_cast<float>((low | high << 4) - 32);
      biases[g] = -4.0f * scales[g];
    }
    for (int part = 0; part < 2; ++part) {
      const Byte* packed = block + 32 + 32 * part;
      for (int quarter = 0; quarter < 4; ++quarter) {
        Byte* out = codes + 128 * part + 32 * quarter;
        const int shift = 2 * quarter;
        const int high_shift = 4 * part + quarter;
        for (int i = 0; i < 32; ++i) {
          out[i] = static_cast<Byte>((packed[i] >> shift & 3) |
                                     (block[i] >> high_shift & 1) << 2);
        }
      }
    }
  }
};

// The 12 bytes that hold 8 six-bit scales and 8 six-bit minimums of Q4_K and
// Q5_K: four of each in the low bits of bytes 0 to 7, the other four in halves
// of bytes 8 to 11 with their upper two bits on top of bytes 0 to 7.
void decode_k_scales(const Byte* block, float* scales, float* biases) {
  const float d = half_at(block);
  const float dmin = half_at(block + 2);
  const Byte* packed = block + 4;
  for (int g = 0; g < 8; ++g) {
    const int scale = g < 4 ? packed[g] & 63
                            : (packed[g + 4] & 0x0f) | packed[g - 4] >> 6 << 4;
    const int min =
        g < 4 ? packed[g + 4] & 63 : packed[g + 4] >> 4 | packed[g] >> 6 << 4;
    scales[g] = d * static_cast<float>(scale);
    biases[g] = -(dmin * static_cast<float>(min));
  }
}

// Four runs of 32 bytes: low halves are 32 elements, high halves the next 32.
void split_long_halves(const Byte* __restrict packed, Byte* __restrict codes) {
  for (int run = 0; run < 4; ++run) {
    const Byte* in = packed + 32 * run;
    Byte* out = codes + 64 * run;
    for (int i = 0; i < 32; ++i) out[i] = in[i] & 0x0f;
    for (int i = 0; i < 32; ++i) out[32 + i] = in[i] >> 4;
  }
}

// d, dmin; 12 bytes of scales; 128 bytes of halves.
// w = d * scale * code - dmin * min
struct Q4_K {
  static constexpr int kElements = 256, kBytes = 144, kGroup = 32, kBits = 4;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    decode_k_scales(block, scales, biases);
    split_long_halves(block + 16, codes);
  }
};

// As Q4_K, with 32 bytes of fifth bits before the halves: bit g of byte i
// belongs to element i of group g.
struct Q5_K {
  static constexpr int kElements = 256, kBytes = 176, kGroup = 32, kBits = 5;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    decode_k_scales(block, scales, biases);
    split_long_halves(block + 48, codes);
    const Byte* high = block + 16;
    for (int g = 0; g < 8; ++g) {
      for (int i = 0; i < 32; ++i) {
        codes[32 * g + i] |= static_cast<Byte>((high[i] >> g & 1) << 4);
      }
    }
  }
};

// 128 bytes of low halves; 64 bytes of upper two bits; 16 signed scales; d.
// w = d * scale * (code - 32)
struct Q6_K {
  static constexpr int kElements = 256, kBytes = 210, kGroup = 16, kBits = 6;
  static void decode(const Byte* __restrict block, Byte* __restrict codes,
                     float* __restrict scales, float* __restrict biases) {
    const float d = half_at(block + 208);
    for (int g = 0; g < 16; ++g) {
      scales[g] =
          d * static_cast<float>(static_cast<std::int8_t>(block[192 + g]));
      biases[g] = -32.0f * scales[g];
    }
    for (int part = 0; part < 2; ++part) {
      const Byte* low = block + 64 * part;
      const Byte* high = block + 128 + 32 * part;
      for (int quarter = 0; quarter < 4; ++quarter) {
        const Byte* in = low + 32 * (quarter % 2);
        Byte* out = codes + 128 * part + 32 * quarter;
        const int low_shift = quarter < 2 ? 0 : 4;
        const int high_shift = 2 * quarter;
        for (int i = 0; i < 32; ++i) {
          out[i] = static_cast<Byte>((in[i] >> low_shift & 0x0f) |
                                     (high[i] >> high_shift & 3) << 4);
        }
      }
    }
  }
};

// NOLINTEND(readability-identifier-naming)

// Codes of kBits in the smallest run of whole bytes that holds whole codes.
template <int kBits, int kBytes, int kCodes>
void unpack_runs(const Byte* __restrict packed, std::size_t count,
                 Byte* __restrict codes) {
  static_assert(kBits * kCodes == 8 * kBytes);
  for (std::size_t run = 0; run < count / kCodes; ++run) {
    std::uint64_t bits = 0;
    for (int i = 0; i < kBytes; ++i) {
      bits |= static_cast<std::uint64_t>(packed[run * kBytes + i]) << (8 * i);
    }
    for (int i = 0; i < kCodes; ++i) {
      codes[run * kCodes + i] =
          static_cast<Byte>(bits >> (kBits * i) & ((1u << kBits) - 1));
    }
  }
}

template <typename Stored, float (*kWiden)(Stored)>
void widen_all(const std::byte* __restrict bytes, std::size_t count,
               float* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) {
    Stored value;
    std::memcpy(&value, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = kWiden(value);
  }
}

float narrow(double value) { return static_cast<float>(value); }

}  // namespace

const std::uint8_t kE2m1AffineCodes[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                           12, 11, 10, 9,  8,  6,  4,  0};

const float kE2m1Values[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                               4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                               -2.0f, -3.0f, -4.0f, -6.0f};

const BlockDecoder* block_decoder(StorageType type) noexcept {
  switch (type) {
#define ABSTRACTLLM_BLOCK(name)                                  \
  case StorageType::k##name: {                                   \
    static constexpr BlockDecoder kDecoder = decoder_of<name>(); \
    return &kDecoder;                                            \
  }
    ABSTRACTLLM_BLOCK(Q4_0)
    ABSTRACTLLM_BLOCK(Q4_1)
    ABSTRACTLLM_BLOCK(Q5_0)
    ABSTRACTLLM_BLOCK(Q5_1)
    ABSTRACTLLM_BLOCK(Q8_0)
    ABSTRACTLLM_BLOCK(Q2_K)
    ABSTRACTLLM_BLOCK(Q3_K)
    ABSTRACTLLM_BLOCK(Q4_K)
    ABSTRACTLLM_BLOCK(Q5_K)
    ABSTRACTLLM_BLOCK(Q6_K)
#undef ABSTRACTLLM_BLOCK
    default:
      return iq_block_decoder(type);
  }
}

void unpack_codes(int bits, const std::byte* packed, std::size_t count,
                  std::uint8_t* codes) noexcept {
  const auto* in = reinterpret_cast<const Byte*>(packed);
  switch (bits) {
    case 2:
      return unpack_runs<2, 1, 4>(in, count, codes);
    case 3:
      return unpack_runs<3, 3, 8>(in, count, codes);
    case 4:
      return unpack_runs<4, 1, 2>(in, count, codes);
    case 5:
      return unpack_runs<5, 5, 8>(in, count, codes);
    case 6:
      return unpack_runs<6, 3, 4>(in, count, codes);
    default:
      if (count > 0) std::memcpy(codes, in, count);
  }
}

void widen_elements(StorageType type, const std::byte* bytes, std::size_t count,
                    float* out) noexcept {
  switch (type) {
    case StorageType::kF64:
      return widen_all<double, narrow>(bytes, count, out);
    case StorageType::kF16:
      return widen_all<std::uint16_t, f16_to_f32>(bytes, count, out);
    case StorageType::kBF16:
      return widen_all<std::uint16_t, bf16_to_f32>(bytes, count, out);
    case StorageType::kF8E4M3:
      return widen_all<std::uint8_t, f8_e4m3_to_f32>(bytes, count, out);
    case StorageType::kF8E5M2:
      return widen_all<std::uint8_t, f8_e5m2_to_f32>(bytes, count, out);
    case StorageType::kF8E8M0:
      return widen_all<std::uint8_t, f8_e8m0_to_f32>(bytes, count, out);
    default:
      // memcpy may not be given the null pointers of an empty tensor.
      if (count > 0) std::memcpy(out, bytes, count * sizeof(float));
  }
}

}  // namespace abstractllm::io
