// Finds the codes and scales of one row among those of sixteen.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/panel_decoder.h"

#include <bit>
#include <cstring>

#include "ops/cpu/half.h"

namespace abstractllm::ops::cpu {
namespace {

float load_dense(WeightEncoding encoding, std::int64_t column, int row,
                 const std::uint8_t* panel) {
  if (encoding == WeightEncoding::kF32) {
    float value;
    std::memcpy(&value, panel + (column * kPanelRows + row) * 4, 4);
    return value;
  }
  std::uint16_t half;
  if (encoding == WeightEncoding::kF16) {
    std::memcpy(&half, panel + (column * kPanelRows + row) * 2, 2);
    return f16_to_float(half);
  }
  const std::int64_t index = column / 2 * 2 * kPanelRows + row * 2 + column % 2;
  std::memcpy(&half, panel + index * 2, 2);
  return bf16_to_float(half);
}

// A code of `row`, from the lines of its tile.
int load_code(int bits, const std::uint8_t* tile, int row, int column) {
  const int quad = column / 4;
  const int byte = 4 * row + column % 4;
  const auto field = [&](int first_line, int width) {
    const int fields = 8 / width;
    const std::uint8_t value =
        tile[(first_line + quad / fields) * kLineBytes + byte];
    return value >> (quad % fields * width) & ((1 << width) - 1);
  };
  const int base = bits == 8 ? 8 : bits >= 4 ? 4 : 2;
  int code = field(0, base);
  if (bits > base) code |= field(base, bits - base) << base;
  return code;
}

float load_scale(ScaleFormat format, const std::uint8_t* scales,
                 std::int64_t i) {
  if (format == ScaleFormat::kF32) {
    float value;
    std::memcpy(&value, scales + 4 * i, 4);
    return value;
  }
  if (format == ScaleFormat::kE8M0) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(scales[i]) << 23);
  }
  std::uint16_t half;
  std::memcpy(&half, scales + 2 * i, 2);
  return format == ScaleFormat::kF16 ? f16_to_float(half) : bf16_to_float(half);
}

void decode_quantised(const PanelLayout& layout, const std::uint8_t* chunk,
                      int row, float* out) {
  constexpr int kTwiceE2M1[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                  0, -1, -2, -3, -4, -6, -8, -12};
  const WeightShape& shape = layout.shape;
  const bool mxfp4 = shape.encoding == WeightEncoding::kMxfp4;
  const int zero_point = 1 << log2_zero_point(shape.encoding, shape.bits);
  std::int64_t column = 0;
  for (std::int64_t c = 0; c < layout.chunk_count(); ++c) {
    const int tiles = layout.chunk_tiles(c);
    const ChunkLayout& parts = layout.chunk_at(c);
    for (int i = 0; i < tiles * kTileColumns && column < shape.columns;
         ++i, ++column) {
      const std::uint8_t* tile =
          chunk + i / kTileColumns * shape.bits * kLineBytes;
      const int code = load_code(shape.bits, tile, row, i % kTileColumns);
      const std::int64_t slot = i / shape.group * kPanelRows + row;
      const float scale =
          load_scale(layout.scale_format, chunk + parts.scales, slot);
      if (layout.has_bias) {
        out[column] =
            scale * static_cast<float>(code) +
            load_scale(layout.scale_format, chunk + parts.biases, slot);
      } else {
        out[column] = scale * static_cast<float>(mxfp4 ? kTwiceE2M1[code]
                                                       : code - zero_point);
      }
    }
    chunk += parts.bytes;
  }
}

}  // namespace

void decode_panel_row(const PanelLayout& layout, const std::uint8_t* panel,
                      int row, float* out) {
  if (layout.quantised()) return decode_quantised(layout, panel, row, out);
  for (std::int64_t c = 0; c < layout.shape.columns; ++c) {
    out[c] = load_dense(layout.shape.encoding, c, row, panel);
  }
}

}  // namespace abstractllm::ops::cpu
