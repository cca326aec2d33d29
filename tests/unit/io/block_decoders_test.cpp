// The slow formulas here are written from the definition of each format, one
// element at a time; the decoders must give the same bits.
// SPDX-License-Identifier: Apache-2.0
#include "io/block_decoders.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "io/half.h"

namespace abstractllm::io {
namespace {

using Block = std::vector<std::uint8_t>;

float half_of(const Block& block, int at) {
  return f16_to_f32(static_cast<std::uint16_t>(block[at] | block[at + 1] << 8));
}

int bit(const Block& block, int at, int index) {
  return block[at + index / 8] >> (index % 8) & 1;
}

// Element i of a block of 32 whose halves start at `at`.
int nibble_of_32(const Block& block, int at, int i) {
  return i < 16 ? block[at + i] & 15 : block[at + i - 16] >> 4;
}

float q4_0(const Block& block, int i) {
  return half_of(block, 0) * static_cast<float>(nibble_of_32(block, 2, i) - 8);
}

float q4_1(const Block& block, int i) {
  return half_of(block, 0) * static_cast<float>(nibble_of_32(block, 4, i)) +
         half_of(block, 2);
}

float q5_0(const Block& block, int i) {
  const int code = nibble_of_32(block, 6, i) + 16 * bit(block, 2, i);
  return half_of(block, 0) * static_cast<float>(code - 16);
}

float q5_1(const Block& block, int i) {
  const int code = nibble_of_32(block, 8, i) + 16 * bit(block, 4, i);
  return half_of(block, 0) * static_cast<float>(code) + half_of(block, 2);
}

float q8_0(const Block& block, int i) {
  return half_of(block, 0) *
         static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
}

float q2_k(const Block& block, int i) {
  const int run = i / 128;
  const int shift = 2 * (i % 128 / 32);
  const int code = block[16 + 32 * run + i % 32] >> shift & 3;
  const int packed = block[i / 16];
  return half_of(block, 80) * static_cast<float>(packed & 15) *
             static_cast<float>(code) -
         half_of(block, 82) * static_cast<float>(packed >> 4);
}

float q3_k(const Block& block, int i) {
  const int run = i / 128;
  const int quarter = i % 128 / 32;
  const int low = block[32 + 32 * run + i % 32] >> (2 * quarter) & 3;
  const int high = block[i % 32] >> (4 * run + quarter) & 1;
  const int group = i / 16;
  const int scale_low =
      group < 8 ? block[96 + group] & 15 : block[96 + group - 8] >> 4;
  const int scale_high = block[104 + group % 4] >> (2 * (group / 4)) & 3;
  return half_of(block, 108) *
         static_cast<float>(scale_low + 16 * scale_high - 32) *
         static_cast<float>(low + 4 * high - 4);
}

struct ScaleAndMin {
  int scale, min;
};

// Six bits each: groups 0 to 3 whole in bytes 0 to 7, groups 4 to 7 with their
// low halves in bytes 8 to 11 and the two upper bits on top of bytes 0 to 7.
ScaleAndMin k_scales(const Block& block, int group) {
  const std::uint8_t* bytes = block.data() + 4;
  if (group < 4) return {bytes[group] & 63, bytes[group + 4] & 63};
  return {(bytes[group + 4] & 15) + 16 * (bytes[group - 4] >> 6),
          (bytes[group + 4] >> 4) + 16 * (bytes[group] >> 6)};
}

float from_k_scales(const Block& block, int i, int code) {
  const auto [scale, min] = k_scales(block, i / 32);
  return half_of(block, 0) * static_cast<float>(scale) *
             static_cast<float>(code) -
         half_of(block, 2) * static_cast<float>(min);
}

// Bytes of 64 elements hold 32 in the low halves, then 32 in the high ones.
int nibble_of_64(const Block& block, int at, int i) {
  const int byte = block[at + 32 * (i / 64) + i % 32];
  return i % 64 < 32 ? byte & 15 : byte >> 4;
}

float q4_k(const Block& block, int i) {
  return from_k_scales(block, i, nibble_of_64(block, 16, i));
}

float q5_k(const Block& block, int i) {
  const int high = block[16 + i % 32] >> (i / 32) & 1;
  return from_k_scales(block, i, nibble_of_64(block, 48, i) + 16 * high);
}

float q6_k(const Block& block, int i) {
  const int run = i / 128;
  const int quarter = i % 128 / 32;
  const int byte = block[64 * run + 32 * (quarter % 2) + i % 32];
  const int low = quarter < 2 ? byte & 15 : byte >> 4;
  const int high = block[128 + 32 * run + i % 32] >> (2 * quarter) & 3;
  const int scale = static_cast<std::int8_t>(block[192 + i / 16]);
  return half_of(block, 208) * static_cast<float>(scale) *
         static_cast<float>(low + 16 * high - 32);
}

struct Case {
  StorageType type;
  float (*slow)(const Block&, int);
  std::vector<int> halves;  // offsets of binary16 numbers
  int bits, group;
};

class BlockDecoderTest : public testing::TestWithParam<Case> {};

Block random_block(const Case& test, std::mt19937& random) {
  Block block(storage_traits(test.type).block_bytes);
  for (auto& byte : block) byte = static_cast<std::uint8_t>(random());
  std::uniform_real_distribution<float> scale(-4.0f, 4.0f);
  for (const int at : test.halves) {
    // One in four is subnormal.
    const float value = scale(random) * (random() % 4 == 0 ? 1e-6f : 1.0f);
    const std::uint16_t half = f32_to_f16(value);
    block[at] = half & 0xff;
    block[at + 1] = static_cast<std::uint8_t>(half >> 8);
  }
  return block;
}

TEST_P(BlockDecoderTest, GivesTheValuesOfTheDefinition) {
  const Case& test = GetParam();
  const BlockDecoder* decoder = block_decoder(test.type);
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->bits, test.bits);
  EXPECT_EQ(decoder->group_size, test.group);
  const auto elements =
      static_cast<int>(storage_traits(test.type).block_elements);
  constexpr int kBlocks = 3;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Block> blocks;
    Block row;
    for (int b = 0; b < kBlocks; ++b) {
      blocks.push_back(random_block(test, random));
      row.insert(row.end(), blocks.back().begin(), blocks.back().end());
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(row.data());
    std::vector<float> widened(kBlocks * elements);
    decoder->widen(bytes, kBlocks, widened.data());
    std::vector<std::uint8_t> codes(widened.size());
    std::vector<float> scales(widened.size() / test.group);
    std::vector<float> biases(scales.size());
    decoder->affine(bytes, kBlocks, codes.data(), scales.data(), biases.data());
    for (int i = 0; i < kBlocks * elements; ++i) {
      const float expected = test.slow(blocks[i / elements], i % elements);
      ASSERT_EQ(widened[i], expected) << i;
      const int group = i / test.group;
      ASSERT_EQ(scales[group] * static_cast<float>(codes[i]) + biases[group],
                expected)
          << i;
      ASSERT_LT(codes[i], 1 << test.bits);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    EveryType, BlockDecoderTest,
    testing::Values(Case{StorageType::kQ4_0, q4_0, {0}, 4, 32},
                    Case{StorageType::kQ4_1, q4_1, {0, 2}, 4, 32},
                    Case{StorageType::kQ5_0, q5_0, {0}, 5, 32},
                    Case{StorageType::kQ5_1, q5_1, {0, 2}, 5, 32},
                    Case{StorageType::kQ8_0, q8_0, {0}, 8, 32},
                    Case{StorageType::kQ2_K, q2_k, {80, 82}, 2, 16},
                    Case{StorageType::kQ3_K, q3_k, {108}, 3, 16},
                    Case{StorageType::kQ4_K, q4_k, {0, 2}, 4, 32},
                    Case{StorageType::kQ5_K, q5_k, {0, 2}, 5, 32},
                    Case{StorageType::kQ6_K, q6_k, {208}, 6, 16}),
    [](const auto& info) { return std::string(to_string(info.param.type)); });

TEST(UnpackCodes, ReadsEveryWidthFromTheLowestBitUp) {
  std::mt19937 random(3);
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    constexpr int kCount = 128;
    std::vector<std::uint8_t> codes(kCount);
    std::vector<std::uint8_t> packed(kCount * bits / 8);
    for (int i = 0; i < kCount; ++i) {
      codes[i] = static_cast<std::uint8_t>(random() % (1u << bits));
      for (int b = 0; b < bits; ++b) {
        const int at = i * bits + b;
        packed[at / 8] |=
            static_cast<std::uint8_t>((codes[i] >> b & 1) << (at % 8));
      }
    }
    std::vector<std::uint8_t> unpacked(kCount);
    unpack_codes(bits, reinterpret_cast<const std::byte*>(packed.data()),
                 kCount, unpacked.data());
    EXPECT_EQ(unpacked, codes) << bits;
  }
}

TEST(WidenElements, ReadsUnalignedNumbers) {
  std::vector<std::byte> bytes(1 + 3 * sizeof(double));
  const double numbers[] = {1.5, -2.25, 1e-300};
  std::memcpy(bytes.data() + 1, numbers, sizeof(numbers));
  float out[3];
  widen_elements(StorageType::kF64, bytes.data() + 1, 3, out);
  EXPECT_EQ(out[0], 1.5f);
  EXPECT_EQ(out[1], -2.25f);
  EXPECT_EQ(out[2], 0.0f);
}

}  // namespace
}  // namespace abstractllm::io
