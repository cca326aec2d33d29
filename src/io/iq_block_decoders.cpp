// GGUF's IQ and TQ types. Their elements are products of a scale and a small
// whole number, so unsigned codes of at most 8 bits hold them exactly.
// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "io/block_decoding.h"
#include "io/iq_grids.h"

namespace abstractllm::io {
namespace {

using Byte = std::uint8_t;

std::uint16_t u16_at(const Byte* bytes) {
  std::uint16_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

std::uint32_t u32_at(const Byte* bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

int nibble_at(const Byte* bytes, int index) {
  return bytes[index / 2] >> (4 * (index % 2)) & 0x0f;
}

// Seven signs; the eighth makes their number even.
Byte eight_signs(std::uint32_t seven) {
  const auto signs = static_cast<Byte>(seven & 0x7f);
  return static_cast<Byte>(signs | (std::popcount(signs) % 2) << 7);
}

// Elements around 128, so that a bias of -128 scales gives them back.
Byte signed_code(int value, int signs, int i) {
  return static_cast<Byte>(signs >> i & 1 ? 128 - value : 128 + value);
}

constexpr Byte kIq2Values[4] = {8, 25, 43, 0};
constexpr Byte kIq3XxsValues[8] = {4, 12, 20, 28, 36, 44, 52, 62};

void put_eight(std::uint16_t grid, int signs, Byte* codes) {
  for (int i = 0; i < 8; ++i) {
    codes[i] = signed_code(kIq2Values[grid >> (2 * i) & 3], signs, i);
  }
}

void set_signed_scale(float scale, int group, float* scales, float* biases) {
  scales[group] = scale;
  biases[group] = -128.0f * scale;
}

// The structs have the names of the format's documents.
// NOLINTBEGIN(readability-identifier-naming)

// d; for 32 elements four indices, four times seven signs, a scale of 4 bits.
struct IQ2_XXS {
  static constexpr int kElements = 256, kBytes = 66, kGroup = 32, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    for (int g = 0; g < 8; ++g) {
      const Byte* indices = block + 2 + 8 * g;
      const std::uint32_t rest = u32_at(indices + 4);
      set_signed_scale(d * (0.5f + static_cast<float>(rest >> 28)) * 0.25f, g,
                       scales, biases);
      for (int i = 0; i < 4; ++i) {
        put_eight(kIq2XxsGrid[indices[i]], eight_signs(rest >> (7 * i)),
                  codes + 32 * g + 8 * i);
      }
    }
  }
};

// d; for 8 elements an index of 9 bits and seven signs; scales of 4 bits.
struct IQ2_XS {
  static constexpr int kElements = 256, kBytes = 74, kGroup = 16, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    for (int g = 0; g < 16; ++g) {
      set_signed_scale(
          d * (0.5f + static_cast<float>(nibble_at(block + 66, g))) * 0.25f, g,
          scales, biases);
    }
    for (int i = 0; i < 32; ++i) {
      const std::uint16_t code = u16_at(block + 2 + 2 * i);
      put_eight(kIq2XsGrid[code & 511], eight_signs(code >> 9), codes + 8 * i);
    }
  }
};

// d; indices of 8 bits; signs; two more bits of each index; scales of 4 bits.
struct IQ2_S {
  static constexpr int kElements = 256, kBytes = 82, kGroup = 16, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    for (int g = 0; g < 16; ++g) {
      set_signed_scale(
          d * (0.5f + static_cast<float>(nibble_at(block + 74, g))) * 0.25f, g,
          scales, biases);
    }
    for (int i = 0; i < 32; ++i) {
      const int high = block[66 + i / 4] >> (2 * (i % 4)) & 3;
      put_eight(kIq2SGrid[block[2 + i] | high << 8], block[34 + i],
                codes + 8 * i);
    }
  }
};

// d; an index for 4 elements; for 32 of them signs and a scale as in IQ2_XXS.
struct IQ3_XXS {
  static constexpr int kElements = 256, kBytes = 98, kGroup = 32, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    for (int g = 0; g < 8; ++g) {
      const std::uint32_t rest = u32_at(block + 66 + 4 * g);
      set_signed_scale(d * (0.5f + static_cast<float>(rest >> 28)) * 0.5f, g,
                       scales, biases);
      for (int i = 0; i < 32; ++i) {
        const std::uint16_t grid = kIq3XxsGrid[block[2 + 8 * g + i / 4]];
        codes[32 * g + i] =
            signed_code(kIq3XxsValues[grid >> (4 * (i % 4)) & 7],
                        eight_signs(rest >> (7 * (i / 8))), i % 8);
      }
    }
  }
};

// d; indices of 8 bits; a ninth bit of each; signs; scales of 4 bits.
struct IQ3_S {
  static constexpr int kElements = 256, kBytes = 110, kGroup = 32, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    for (int g = 0; g < 8; ++g) {
      set_signed_scale(
          d * static_cast<float>(1 + 2 * nibble_at(block + 106, g)), g, scales,
          biases);
    }
    for (int i = 0; i < 64; ++i) {
      const int high = block[66 + i / 8] >> (i % 8) & 1;
      const std::uint16_t grid = kIq3SGrid[block[2 + i] | high << 8];
      const int signs = block[74 + i / 2] >> (4 * (i % 2));
      for (int j = 0; j < 4; ++j) {
        codes[4 * i + j] = signed_code(2 * (grid >> (4 * j) & 7) + 1, signs, j);
      }
    }
  }
};

// d; indices of 8 bits; for 32 elements three more bits of four indices, a
// scale of 3 bits, and whether an eighth is added or taken away.
struct IQ1_S {
  static constexpr int kElements = 256, kBytes = 50, kGroup = 32, kBits = 2;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    for (int g = 0; g < 8; ++g) {
      const std::uint16_t rest = u16_at(block + 34 + 2 * g);
      scales[g] = d * static_cast<float>(2 * (rest >> 12 & 7) + 1);
      biases[g] = scales[g] * (rest & 0x8000 ? -1.125f : -0.875f);
      for (int i = 0; i < 4; ++i) {
        const int index = block[2 + 4 * g + i] | (rest >> (3 * i) & 7) << 8;
        for (int j = 0; j < 8; ++j) {
          codes[32 * g + 8 * i + j] =
              static_cast<Byte>(kIq1SGrid[index] >> (2 * j) & 3);
        }
      }
    }
  }
};

// Indices of 8 bits; for 8 elements three more bits and the sign of an eighth;
// scales of 3 bits, and d in the upper bits of their four words. The elements
// are eighths of the scale.
struct IQ1_M {
  static constexpr int kElements = 256, kBytes = 56, kGroup = 16, kBits = 5;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const Byte* words = block + 48;
    std::uint16_t bits = 0;
    for (int i = 0; i < 4; ++i) {
      bits = static_cast<std::uint16_t>(bits |
                                        u16_at(words + 2 * i) >> 12 << (4 * i));
    }
    const float d = f16_to_f32(bits);
    for (int g = 0; g < 16; ++g) {
      const int scale = u16_at(words + 2 * (g / 4)) >> (3 * (g % 4)) & 7;
      scales[g] = d * static_cast<float>(2 * scale + 1) * 0.125f;
      biases[g] = -9.0f * scales[g];
    }
    for (int i = 0; i < 32; ++i) {
      const int rest = nibble_at(block + 32, i);
      const std::uint16_t grid = kIq1SGrid[block[i] | (rest & 7) << 8];
      const int eighth = rest & 8 ? 0 : 2;
      for (int j = 0; j < 8; ++j) {
        codes[8 * i + j] =
            static_cast<Byte>(8 * (grid >> (2 * j) & 3) + eighth);
      }
    }
  }
};

// 128 more than the values that 4 bits stand for.
constexpr Byte kIq4Codes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                129, 141, 153, 166, 181, 197, 217, 241};

void put_iq4(const Byte* packed, Byte* codes) {
  split_halves(packed, codes);
  for (int i = 0; i < 32; ++i) codes[i] = kIq4Codes[codes[i]];
}

// d; 16 bytes of halves.
struct IQ4_NL {
  static constexpr int kElements = 32, kBytes = 18, kGroup = 32, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    set_signed_scale(half_at(block), 0, scales, biases);
    put_iq4(block + 2, codes);
  }
};

// d; upper two and lower four bits of scales; halves.
struct IQ4_XS {
  static constexpr int kElements = 256, kBytes = 136, kGroup = 32, kBits = 8;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    const float d = half_at(block);
    const std::uint16_t high = u16_at(block + 2);
    for (int g = 0; g < 8; ++g) {
      const int scale = nibble_at(block + 4, g) | (high >> (2 * g) & 3) << 4;
      set_signed_scale(d * static_cast<float>(scale - 32), g, scales, biases);
      put_iq4(block + 8 + 16 * g, codes + 32 * g);
    }
  }
};

// Five elements of three values in each of 48 bytes, four in each of 4; d.
struct TQ1_0 {
  static constexpr int kElements = 256, kBytes = 54, kGroup = 128, kBits = 2;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    for (int g = 0; g < 2; ++g) {
      scales[g] = half_at(block + 52);
      biases[g] = -scales[g];
    }
    codes = put(block, 32, 5, codes);
    codes = put(block + 32, 16, 5, codes);
    put(block + 48, 4, 4, codes);
  }

  // All bytes' first elements, then their second ones ...
  static Byte* put(const Byte* packed, int bytes, int elements, Byte* codes) {
    int power = 1;
    for (int n = 0; n < elements; ++n, power *= 3) {
      for (int i = 0; i < bytes; ++i) {
        const auto turned = static_cast<Byte>(packed[i] * power);
        *codes++ = static_cast<Byte>(turned * 3 >> 8);
      }
    }
    return codes;
  }
};

// Two bits an element, 32 bytes apart; d.
struct TQ2_0 {
  static constexpr int kElements = 256, kBytes = 66, kGroup = 128, kBits = 2;
  static void decode(const Byte* block, Byte* codes, float* scales,
                     float* biases) {
    for (int part = 0; part < 2; ++part) {
      scales[part] = half_at(block + 64);
      biases[part] = -scales[part];
      for (int i = 0; i < 128; ++i) {
        codes[128 * part + i] =
            static_cast<Byte>(block[32 * part + i % 32] >> (2 * (i / 32)) & 3);
      }
    }
  }
};

// NOLINTEND(readability-identifier-naming)

}  // namespace

const BlockDecoder* iq_block_decoder(StorageType type) noexcept {
  switch (type) {
#define ABSTRACTLLM_BLOCK(name)                                  \
  case StorageType::k##name: {                                   \
    static constexpr BlockDecoder kDecoder = decoder_of<name>(); \
    return &kDecoder;                                            \
  }
    ABSTRACTLLM_BLOCK(IQ1_S)
    ABSTRACTLLM_BLOCK(IQ1_M)
    ABSTRACTLLM_BLOCK(IQ2_XXS)
    ABSTRACTLLM_BLOCK(IQ2_XS)
    ABSTRACTLLM_BLOCK(IQ2_S)
    ABSTRACTLLM_BLOCK(IQ3_XXS)
    ABSTRACTLLM_BLOCK(IQ3_S)
    ABSTRACTLLM_BLOCK(IQ4_NL)
    ABSTRACTLLM_BLOCK(IQ4_XS)
    ABSTRACTLLM_BLOCK(TQ1_0)
    ABSTRACTLLM_BLOCK(TQ2_0)
#undef ABSTRACTLLM_BLOCK
    default:
      return nullptr;
  }
}

}  // namespace abstractllm::io
