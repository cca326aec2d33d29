// Transposes codes into lines and stores scales as narrowly as they allow.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/quantised_packer.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "abstractllm/error.h"
#include "ops/cpu/half.h"
#include "ops/cpu/panel_order.h"

namespace abstractllm::ops::cpu {
namespace {

bool is_power_of_two(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x807fffffu) == 0 && bits != 0 && bits < 0x7f800000u;
}

// Stores `value` at index `i`; false if it is off by more than `allowed`, and
// if it is infinite or none in f16: not every instruction set widens these.
bool store_scale(ScaleFormat format, float allowed, float value,
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
  if (f16 && !std::isfinite(value)) return false;
  const std::uint16_t half = f16 ? float_to_f16(value) : float_to_bf16(value);
  std::memcpy(out + 2 * i, &half, 2);
  const float back = f16 ? f16_to_float(half) : bf16_to_float(half);
  return back == value || std::fabs(back - value) <= allowed;
}

// How far off the scales (or biases) of a row may be: as far as rounding moves
// the largest of them. Small ones, which f16 holds with fewer digits, are to
// weigh no more.
float allowed_error(ScaleFormat format, bool may_round, const float* values,
                    std::int64_t count) {
  if (!may_round || format != ScaleFormat::kF16) return 0;
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::fabs(values[i]));
  }
  return largest * 0x1p-11f;
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
    const auto row_fits = [&](const float* values) {
      const float allowed = allowed_error(format, may_round, values, groups_);
      return std::all_of(values, values + groups_, [&](float value) {
        return store_scale(format, allowed, value, unused, 0);
      });
    };
    for (int r = 0; r < kPanelRows; ++r) {
      if (!row_fits(scales_.data() + r * groups_)) return false;
      if (biases && !row_fits(biases_.data() + r * groups_)) return false;
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
      const ScaleFormat format = layout_.scale_format;
      allowed_scale_[r] = allowed_error(format, may_round_, scales, groups_);
      allowed_bias_[r] = allowed_error(format, may_round_, biases, groups_);
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
        if (!store_scale(layout_.scale_format, allowed_scale_[r], scales_[from],
                         out + parts.scales, to)) {
          return Misfit::kScaleFormat;
        }
        if (layout_.has_bias) {
          if (!store_scale(layout_.scale_format, allowed_bias_[r],
                           biases_[from], out + parts.biases, to)) {
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
  float allowed_scale_[kPanelRows] = {};
  float allowed_bias_[kPanelRows] = {};
};

}  // namespace

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

bool widen_layout(Misfit misfit, PanelLayout& layout) {
  if (misfit == Misfit::kNone) return false;
  if (misfit == Misfit::kBias) {
    layout = {layout.shape, layout.scale_format, true};
  } else if (layout.scale_format == ScaleFormat::kE8M0) {
    throw ModelLoadingError(
        "[cpu] a scale of an mxfp4 matrix is not a power of two");
  } else {
    layout = {layout.shape,
              layout.scale_format == ScaleFormat::kF16 ? ScaleFormat::kBF16
                                                       : ScaleFormat::kF32,
              layout.has_bias};
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
        for_each_panel(source, layout, begin, end, [&](std::int64_t p) {
          if (misfit != 0) return;
          const Misfit found = packer.pack(p, out + p * layout.panel_bytes);
          if (found != Misfit::kNone) misfit = static_cast<int>(found);
        });
      });
  return static_cast<Misfit>(misfit.load());
}

}  // namespace abstractllm::ops::cpu
