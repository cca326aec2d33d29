// What the decoders of all block types share. For block_decoders.cpp and its
// kin alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "io/block_decoders.h"
#include "io/half.h"

namespace abstractllm::io {

inline float half_at(const std::uint8_t* bytes) {
  std::uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return f16_to_f32(half);
}

/// Two codes a byte: the low halves are elements 0 to 15, the high halves 16
/// to 31.
inline void split_halves(const std::uint8_t* __restrict packed,
                         std::uint8_t* __restrict codes) {
  for (int i = 0; i < 16; ++i) codes[i] = packed[i] & 0x0f;
  for (int i = 0; i < 16; ++i) codes[16 + i] = packed[i] >> 4;
}

/// A block type is a struct with kElements, kBytes, kGroup, kBits and
/// decode(block, codes, scales, biases).
template <typename Block>
void decode_affine(const std::byte* blocks, std::size_t count,
                   std::uint8_t* codes, float* scales, float* biases) {
  constexpr std::size_t kGroups = Block::kElements / Block::kGroup;
  const auto* in = reinterpret_cast<const std::uint8_t*>(blocks);
  for (std::size_t b = 0; b < count; ++b) {
    Block::decode(in + b * Block::kBytes, codes + b * Block::kElements,
                  scales + b * kGroups, biases + b * kGroups);
  }
}

template <typename Block>
void decode_widened(const std::byte* blocks, std::size_t count, float* out) {
  constexpr int kGroups = Block::kElements / Block::kGroup;
  const auto* in = reinterpret_cast<const std::uint8_t*>(blocks);
  std::uint8_t codes[Block::kElements];
  float scales[kGroups];
  float biases[kGroups];
  for (std::size_t b = 0; b < count; ++b) {
    Block::decode(in + b * Block::kBytes, codes, scales, biases);
    for (int g = 0; g < kGroups; ++g) {
      for (int i = 0; i < Block::kGroup; ++i) {
        *out++ = scales[g] * static_cast<float>(codes[g * Block::kGroup + i]) +
                 biases[g];
      }
    }
  }
}

template <typename Block>
constexpr BlockDecoder decoder_of() {
  return {Block::kBits, Block::kGroup, decode_affine<Block>,
          decode_widened<Block>};
}

/// Those of the IQ and TQ types; null for others.
const BlockDecoder* iq_block_decoder(StorageType type) noexcept;

}  // namespace abstractllm::io
