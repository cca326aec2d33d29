// Decoders of GGUF's quantised blocks and of MLX's packed codes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/stored_tensor.h"

namespace abstractllm::io {

/// Every block type here stands for w = scale * code + bias with unsigned codes
/// and one scale and bias a group. All products are exact in float32, so the
/// result equals what ggml's dequantize_row_* computes.
struct BlockDecoder {
  int bits;        ///< of a code
  int group_size;  ///< elements that share scale and bias
  /// `blocks` holds `count` blocks; the outputs are sized accordingly and
  /// overlap nothing.
  void (*affine)(const std::byte* blocks, std::size_t count,
                 std::uint8_t* codes, float* scales, float* biases);
  /// The elements in float32.
  void (*widen)(const std::byte* blocks, std::size_t count, float* out);
};

/// Null for types that are not affine blocks.
const BlockDecoder* block_decoder(StorageType type) noexcept;

/// `count` codes of `bits` (2, 3, 4, 5, 6 or 8) bits each, packed from the
/// lowest bit of the first byte up. REQUIRES: count is a multiple of 8.
void unpack_codes(int bits, const std::byte* packed, std::size_t count,
                  std::uint8_t* codes) noexcept;

/// Twice the value of an e2m1 code, plus 12: 0 to 24.
extern const std::uint8_t kE2m1AffineCodes[16];

/// The value of an e2m1 code.
extern const float kE2m1Values[16];

/// Float32 of a plain floating-point type. REQUIRES: the type is one of F64,
/// F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0; `bytes` holds `count` elements.
void widen_elements(StorageType type, const std::byte* bytes, std::size_t count,
                    float* out) noexcept;

}  // namespace abstractllm::io
