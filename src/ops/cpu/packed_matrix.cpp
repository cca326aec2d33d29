// Packs weights into panels of 16 rows.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/packed_matrix.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "abstractllm/error.h"
#include "ops/cpu/dense_packer.h"
#include "ops/cpu/half.h"

namespace abstractllm::ops::cpu {
namespace {

/// Why a panel could not be stored in the layout that was tried.
enum class Misfit : int { kNone, kScaleFormat, kBias };

void check_shape(const WeightShape& shape) {
  constexpr std::int64_t kMaxSide = std::int64_t{1} << 31;
  const bool affine = shape.encoding == WeightEncoding::kAffine;
  const bool mxfp4 = shape.encoding == WeightEncoding::kMxfp4;
  bool known = shape.rows > 0 && shape.columns > 0 && shape.rows < kMaxSide &&
               shape.columns < kMaxSide;
  if (affine) {
    known = known && shape.bits >= 2 && shape.bits <= 8 && shape.bits != 7 &&
            (shape.group == 16 || shape.group == 32 || shape.group == 64 ||
             shape.group == 128);
  } else if (mxfp4) {
    known = known && shape.bits == 4 && shape.group == 32;
  } else {
    known = known && shape.group == 0;
  }
  if (!known) {
    throw ModelLoadingError("[cpu] cannot pack a weight matrix of " +
                            std::to_string(shape.rows) + " x " +
                            std::to_string(shape.columns) + ", " +
                            std::to_string(shape.bits) + " bits in groups of " +
                            std::to_string(shape.group));
  }
}

bool is_power_of_two(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x807fffffu) == 0 && bits != 0 && bits < 0x7f800000u;
}

// Stores `value` at index `i`; false if the format loses more than allowed.
bool store_scale(ScaleFormat format, bool may_round, float value,
                 std::uint8_t* out, std::int64_t i) {
  if (format == ScaleFormat::kF32) {
    std::memcpy(out + 4 * i, &value, 4);
    return true;
  }
  if (format == ScaleFormat::kE8M0) {
    // Codes are looked up as twice their value. 2^-127 has no exponent of its
    // own half: it is stored as zero, which no product can be told from.
    const auto exponent = std::bit_cast<std::uint32_t>(value) >> 23;
    out[i] = static_cast<std::uint8_t>(exponent == 0 ? 0 : exponent - 1);
    return is_power_of_two(value) || (value >= 0 && value < 0x1p-126f);
  }
  const bool f16 = format == ScaleFormat::kF16;
  const std::uint16_t half = f16 ? float_to_f16(value) : float_to_bf16(value);
  std::memcpy(out + 2 * i, &half, 2);
  const float back = f16 ? f16_to_float(half) : bf16_to_float(half);
  if (back == value) return true;
  return f16 && may_round &&
         std::fabs(back - value) <= std::fabs(value) * 0x1p-11f;
}

std::uint32_t load_word(const std::uint8_t* p) {
  std::uint32_t word;
  std::memcpy(&word, p, 4);
  return word;
}

// Writes the lines of one tile from 16 rows of codes. `codes` points at the
// first of its columns, rows are `stride` apart.
void pack_tile(int bits, const std::uint8_t* codes, std::int64_t stride,
               std::uint8_t* out) {
  const auto word = [&](int quad, int row) {
    return load_word(codes + row * stride + 4 * quad);
  };
  const auto write = [&](int line, int row, std::uint32_t value) {
    std::memcpy(out + line * kLineBytes + 4 * row, &value, 4);
  };
  const int base_lines = bits == 8 ? 8 : bits >= 4 ? 4 : 2;
  const int fields = 8 / base_lines;
  const int base_bits = bits == 8 ? 8 : bits >= 4 ? 4 : 2;
  const std::uint32_t base_mask = 0x01010101u * ((1u << base_bits) - 1);
  for (int line = 0; line < base_lines; ++line) {
    for (int row = 0; row < kPanelRows; ++row) {
      std::uint32_t packed = 0;
      for (int f = 0; f < fields; ++f) {
        packed |= (word(line * fields + f, row) & base_mask) << (base_bits * f);
      }
      write(line, row, packed);
    }
  }
  const int high_bits = bits - base_bits;
  if (high_bits == 0) return;
  const std::uint32_t high_mask = 0x01010101u * ((1u << high_bits) - 1);
  const int high_fields = 8 / high_bits;
  for (int line = 0; line < high_bits; ++line) {
    for (int row = 0; row < kPanelRows; ++row) {
      std::uint32_t packed = 0;
      for (int f = 0; f < high_fields; ++f) {
        packed |= (word(line * high_fields + f, row) >> base_bits & high_mask)
                  << (high_bits * f);
      }
      write(base_lines + line, row, packed);
    }
  }
}

/// Packs panels of quantised codes; one object a thread.
class CodePacker {
 public:
  CodePacker(const RowSource& source, const PanelLayout& layout, bool may_round)
      : source_(source),
        layout_(layout),
        may_round_(may_round),
        stride_(layout.tile_count * kTileColumns),
        groups_(layout.shape.groups()),
        codes_(static_cast<std::size_t>(stride_ * kPanelRows)),
        scales_(static_cast<std::size_t>(groups_ * kPanelRows)),
        biases_(static_cast<std::size_t>(groups_ * kPanelRows)) {}

  Misfit pack(std::int64_t panel, std::uint8_t* out) {
    read(panel);
    for (std::int64_t chunk = 0; chunk < layout_.chunk_count(); ++chunk) {
      const int tiles = layout_.chunk_tiles(chunk);
      const ChunkLayout& parts = layout_.chunk_at(chunk);
      for (int t = 0; t < tiles; ++t) {
        const std::int64_t column = chunk * kChunkColumns + t * kTileColumns;
        pack_tile(layout_.shape.bits, codes_.data() + column, stride_,
                  out + t * layout_.shape.bits * kLineBytes);
      }
      const Misfit misfit = pack_scales(chunk, tiles, parts, out);
      if (misfit != Misfit::kNone) return misfit;
      out += parts.bytes;
    }
    return Misfit::kNone;
  }

  /// Whether every bias of the panel read last follows from its scale.
  bool biases_are_implied() const {
    const float zero_point = static_cast<float>(
        1 << log2_zero_point(layout_.shape.encoding, layout_.shape.bits));
    for (std::size_t i = 0; i < biases_.size(); ++i) {
      if (biases_[i] != -zero_point * scales_[i]) return false;
    }
    return true;
  }

  bool scales_fit(ScaleFormat format, bool may_round, bool biases) const {
    std::uint8_t unused[4];
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      if (!store_scale(format, may_round, scales_[i], unused, 0)) return false;
      if (biases && !store_scale(format, may_round, biases_[i], unused, 0)) {
        return false;
      }
    }
    return true;
  }

  void read(std::int64_t panel) {
    const std::int64_t first = panel * kPanelRows;
    for (int r = 0; r < kPanelRows; ++r) {
      std::uint8_t* codes = codes_.data() + r * stride_;
      float* scales = scales_.data() + r * groups_;
      float* biases = biases_.data() + r * groups_;
      if (first + r < layout_.shape.rows) {
        source_.read_codes(first + r, codes, scales, biases);
      } else {
        std::memset(codes, 0, static_cast<std::size_t>(stride_));
        std::fill_n(scales, groups_, 0.0f);
        std::fill_n(biases, groups_, 0.0f);
      }
    }
  }

 private:
  Misfit pack_scales(std::int64_t chunk, int tiles, const ChunkLayout& parts,
                     std::uint8_t* out) const {
    const std::int64_t size = scale_bytes(layout_.scale_format);
    const std::int64_t part = parts.biases - parts.scales;
    const std::int64_t slots = part / size;
    const std::int64_t first = chunk * kChunkColumns / layout_.shape.group;
    const std::int64_t count = std::min<std::int64_t>(
        groups_ - first,
        (tiles * kTileColumns + layout_.shape.group - 1) / layout_.shape.group);
    const float zero_point = static_cast<float>(
        1 << log2_zero_point(layout_.shape.encoding, layout_.shape.bits));
    std::memset(out + parts.scales, 0,
                static_cast<std::size_t>(parts.bytes - parts.scales));
    for (std::int64_t g = 0; g < count && (g + 1) * kPanelRows <= slots; ++g) {
      for (int r = 0; r < kPanelRows; ++r) {
        const auto from = static_cast<std::size_t>(r * groups_ + first + g);
        const std::int64_t to = g * kPanelRows + r;
        if (!store_scale(layout_.scale_format, may_round_, scales_[from],
                         out + parts.scales, to)) {
          return Misfit::kScaleFormat;
        }
        if (layout_.has_bias) {
          if (!store_scale(layout_.scale_format, may_round_, biases_[from],
                           out + parts.biases, to)) {
            return Misfit::kScaleFormat;
          }
        } else if (layout_.shape.encoding == WeightEncoding::kAffine &&
                   biases_[from] != -zero_point * scales_[from]) {
          return Misfit::kBias;
        }
      }
    }
    return Misfit::kNone;
  }

  const RowSource& source_;
  const PanelLayout& layout_;
  bool may_round_;
  std::int64_t stride_;
  std::int64_t groups_;
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<float> biases_;
};

// The first panel tells what scales and biases look like; the others nearly
// always agree, and where one does not, the whole matrix is packed again.
PanelLayout choose_layout(const RowSource& source, const WeightShape& shape,
                          bool may_round) {
  if (shape.encoding == WeightEncoding::kMxfp4) {
    return {shape, ScaleFormat::kE8M0, false};
  }
  const PanelLayout first(shape, ScaleFormat::kF16, true);
  CodePacker probe(source, first, may_round);
  probe.read(0);
  const bool bias = !probe.biases_are_implied();
  const ScaleFormat format =
      probe.scales_fit(ScaleFormat::kF16, false, bias)    ? ScaleFormat::kF16
      : probe.scales_fit(ScaleFormat::kBF16, false, bias) ? ScaleFormat::kBF16
      : probe.scales_fit(ScaleFormat::kF16, may_round, bias)
          ? ScaleFormat::kF16
          : ScaleFormat::kF32;
  return {shape, format, bias};
}

// Adapts the layout to what was found; true if packing must start again.
bool widen_layout(Misfit misfit, PanelLayout& layout) {
  if (misfit == Misfit::kNone) return false;
  if (misfit == Misfit::kBias) {
    layout = {layout.shape, layout.scale_format, true};
  } else if (layout.scale_format == ScaleFormat::kE8M0) {
    throw ModelLoadingError(
        "[cpu] a scale of an mxfp4 matrix is not a power of two");
  } else {
    layout = {layout.shape, ScaleFormat::kF32, layout.has_bias};
  }
  return true;
}

Misfit pack_quantised(const RowSource& source, const PanelLayout& layout,
                      bool may_round, ThreadPool& pool, std::uint8_t* out) {
  std::atomic<int> misfit{0};
  const std::int64_t grain =
      std::max<std::int64_t>(1, 65536 / layout.panel_bytes);
  pool.parallel_for(
      layout.panel_count, grain,
      [&](std::int64_t begin, std::int64_t end, int) {
        CodePacker packer(source, layout, may_round);
        for (std::int64_t p = begin; p < end && misfit == 0; ++p) {
          const Misfit found = packer.pack(p, out + p * layout.panel_bytes);
          if (found != Misfit::kNone) misfit = static_cast<int>(found);
        }
      });
  return static_cast<Misfit>(misfit.load());
}

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

void pack_dense(const RowSource& source, const PanelLayout& layout,
                ThreadPool& pool, std::uint8_t* out) {
  const std::int64_t grain =
      std::max<std::int64_t>(1, 65536 / layout.panel_bytes);
  pool.parallel_for(layout.panel_count, grain,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      DensePacker packer(source, layout.shape);
                      for (std::int64_t p = begin; p < end; ++p) {
                        packer.pack(p, reinterpret_cast<std::byte*>(
                                           out + p * layout.panel_bytes));
                      }
                    });
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

void decode_row(const PanelLayout& layout, const std::uint8_t* chunk, int row,
                float* out) {
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

namespace {

std::shared_ptr<std::byte> memory_of_its_own(std::size_t bytes) {
  auto buffer = std::make_shared<AlignedBuffer>(bytes);
  return {buffer, buffer->data()};
}

}  // namespace

std::shared_ptr<std::byte> WeightArena::take(std::size_t bytes) {
  const std::size_t rounded =
      (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  if (rounded > kSlabBytes / 4) return memory_of_its_own(rounded);
  if (slab_ == nullptr || used_ + rounded > slab_->capacity()) {
    slab_ = std::make_shared<AlignedBuffer>(kSlabBytes);
    used_ = 0;
  }
  std::byte* data = slab_->data() + used_;
  used_ += rounded;
  return {slab_, data};
}

PackedMatrix PackedMatrix::pack(const RowSource& source, ThreadPool& pool,
                                PackOptions options) {
  PackedMatrix matrix;
  PanelLayout& layout = matrix.layout_;
  const WeightShape shape = source.shape();
  check_shape(shape);
  const auto memory = [&] {
    const auto bytes = static_cast<std::size_t>(layout.bytes());
    matrix.data_ = options.arena != nullptr ? options.arena->take(bytes)
                                            : memory_of_its_own(bytes);
    return reinterpret_cast<std::uint8_t*>(matrix.data_.get());
  };
  if (shape.group == 0) {
    layout = {shape, ScaleFormat::kF32, false};
    pack_dense(source, layout, pool, memory());
    return matrix;
  }
  layout = choose_layout(source, shape, options.round_scales);
  Misfit misfit = Misfit::kNone;
  do {
    misfit =
        pack_quantised(source, layout, options.round_scales, pool, memory());
  } while (widen_layout(misfit, layout));
  return matrix;
}

void PackedMatrix::gather_rows(std::span<const std::int32_t> ids,
                               float* out) const {
  for (const std::int32_t id : ids) {
    const std::uint8_t* data = panel(id / kPanelRows);
    const int row = id % kPanelRows;
    if (layout_.quantised()) {
      decode_row(layout_, data, row, out);
    } else {
      for (std::int64_t c = 0; c < columns(); ++c) {
        out[c] = load_dense(layout_.shape.encoding, c, row, data);
      }
    }
    out += columns();
  }
}

}  // namespace abstractllm::ops::cpu
