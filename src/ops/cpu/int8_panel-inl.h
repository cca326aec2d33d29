// Kernels on quantised panels, written once over a vector type `Isa` that the
// including file defines. Included inside that file's namespace and target
// region, so it includes nothing that is not meant for there.
// SPDX-License-Identifier: Apache-2.0

// Isa has kLanes rows of a line in a register and
//   Int, Float                          registers
//   kSignedCodes                        codes of 8 bits must be signed
//   rows_at_once(height), vectors_at_once(height)   register blocking
//   load_line, and_mask, or_bits, flip_sign, shift_left/right<n> (of 16-bit
//   lanes), lookup                      bytes
//   zero, broadcast, shift_words<n>, add, subtract, byte_of_word<i>, to_float
//   dot4<code_bits>(acc, w[4], x)       acc += w . x, 4 quads of 16 columns
//   splat, multiply, fused_multiply_add, store, load_f32/f16/bf16/e8m0

#include "ops/cpu/int8_codes-inl.h"
//
#include "ops/cpu/int8_unpack-inl.h"

// NOLINTBEGIN(misc-definitions-in-headers)

// What the integer dot product starts from: minus zero point times the sum of
// the activations, so that codes need not be made signed.
template <int kCodec, bool kBias>
ABSTRACTLLM_ALWAYS_INLINE Int initial_sum(const std::int32_t* negated_sum) {
  constexpr bool kSigned = kCodec == k8Bits && Isa::kSignedCodes;
  if constexpr (kSigned && kBias) {
    return Isa::subtract(
        Isa::zero(), Isa::template shift_words<7>(Isa::broadcast(negated_sum)));
  } else if constexpr (kSigned || kBias) {
    return Isa::zero();
  } else {
    return Isa::template shift_words<codec_zero_shift(kCodec)>(
        Isa::broadcast(negated_sum));
  }
}

// Numbers that go with the integers of a tile of activations, from `row` on.
template <int kHeight, int kPlanes>
struct TileNumbers {
  const float* scale;
  const std::int32_t* negated;
  const std::int32_t* negated_first;
  const float* sum;

  ABSTRACTLLM_ALWAYS_INLINE TileNumbers(const std::int8_t* tile, int row)
      : scale(reinterpret_cast<const float*>(tile +
                                             kPlanes * kHeight * kTileColumns) +
              row),
        negated(reinterpret_cast<const std::int32_t*>(scale) + kHeight),
        negated_first(negated + kHeight),
        sum(reinterpret_cast<const float*>(negated_first) + kHeight) {}
};

// kRows rows of a block of kHeight times kVectors * kLanes rows of a panel.
// kHalfGroups: scales change after 16 columns instead of after 32 or more.
template <int kCodec, int kHeight, int kPlanes, int kRows, int kVectors,
          bool kBias, bool kHalfGroups>
struct PartProduct {
  using Numbers = TileNumbers<kHeight, kPlanes>;
  static constexpr bool kSigned = kCodec == k8Bits && Isa::kSignedCodes;
  static constexpr int kFactorBits = codec_factor_bits(kCodec);
  static constexpr int kLineStep = 4 * Isa::kLanes;

  Float sum[kRows][kVectors];
  Float scale[kVectors];
  Float bias[kVectors];

  // sum += scale * x_scale * dot + bias * x_sum. The factors come one after the
  // other, as in all kernels: their product takes more time than it seems to.
  ABSTRACTLLM_ALWAYS_INLINE void add(int m, int v, Int dot,
                                     const float* x_scale, const float* x_sum) {
    const Float scaled = Isa::multiply(Isa::to_float(dot), scale[v]);
    sum[m][v] = Isa::fused_multiply_add(scaled, Isa::splat(x_scale), sum[m][v]);
    if constexpr (kBias) {
      sum[m][v] =
          Isa::fused_multiply_add(bias[v], Isa::splat(x_sum), sum[m][v]);
    }
  }

  // Both planes of 16 columns of a row. The low plane starts from what is in
  // `low`, so that zero points are counted once.
  ABSTRACTLLM_ALWAYS_INLINE void dot_planes(const Int (&w)[4],
                                            const std::int8_t* values,
                                            Int& high, Int& low) {
    low = Isa::template dot4<kFactorBits>(
        low, w, values + (kPlanes - 1) * kHeight * kTileColumns);
    if constexpr (kPlanes == 2) {
      high = Isa::template dot4<kFactorBits>(high, w, values);
    }
  }
  ABSTRACTLLM_ALWAYS_INLINE Int join_planes(Int high, Int low) {
    if constexpr (kPlanes == 1) return low;
    return Isa::add(Isa::template shift_words<8>(high), low);
  }

  ABSTRACTLLM_ALWAYS_INLINE void add_tile(const std::uint8_t* part,
                                          const std::int8_t* values,
                                          const Numbers& x) {
    Int high[kRows][kVectors];
    Int low[kRows][kVectors];
    Int w[4];
    ABSTRACTLLM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      unpack_half<kCodec, 0, kSigned>(part + v * kLineStep, w);
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kRows; ++m) {
        high[m][v] = Isa::zero();
        low[m][v] = initial_sum<kCodec, kBias>(x.negated + m);
        dot_planes(w, values + m * kTileColumns, high[m][v], low[m][v]);
      }
      unpack_half<kCodec, 1, kSigned>(part + v * kLineStep, w);
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kRows; ++m) {
        dot_planes(w, values + m * kTileColumns + kTileColumns / 2, high[m][v],
                   low[m][v]);
      }
    }
    ABSTRACTLLM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kRows; ++m) {
        add(m, v, join_planes(high[m][v], low[m][v]), x.scale + m, x.sum + m);
      }
    }
  }

  template <int kHalf>
  ABSTRACTLLM_ALWAYS_INLINE void add_half_tile(const std::uint8_t* part,
                                               const std::int8_t* values,
                                               const Numbers& x) {
    Int w[4];
    ABSTRACTLLM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      unpack_half<kCodec, kHalf, kSigned>(part + v * kLineStep, w);
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const std::int32_t negated =
            kHalf == 0 ? x.negated_first[m] : x.negated[m] - x.negated_first[m];
        const float x_sum = -x.scale[m] * static_cast<float>(negated);
        Int high = Isa::zero();
        Int low = initial_sum<kCodec, kBias>(&negated);
        dot_planes(w, values + m * kTileColumns + kHalf * kTileColumns / 2,
                   high, low);
        add(m, v, join_planes(high, low), x.scale + m, &x_sum);
      }
    }
  }

  ABSTRACTLLM_ALWAYS_INLINE void run(const PanelLayout& layout,
                                     const std::uint8_t* chunk,
                                     const std::int8_t* x, int row, int lane,
                                     float* out) {
    constexpr int kTileBytes = codec_bits(kCodec) * kLineBytes;
    const int group_mask =
        kHalfGroups ? 0 : layout.shape.group / kTileColumns - 1;
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kRows; ++m) {
      ABSTRACTLLM_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[m][v] = Isa::float_zero();
    }
    for (std::int64_t left = layout.tile_count; left > 0; left -= kChunkTiles) {
      const bool whole = left >= kChunkTiles;
      const int tiles = whole ? kChunkTiles : static_cast<int>(left);
      const ChunkLayout& parts = whole ? layout.full_chunk : layout.last_chunk;
      GroupReader<kBias> groups(layout, chunk, parts);
      for (int t = 0; t < tiles;
           ++t, x += kHeight * quantised_tile_bytes(kPlanes)) {
        fetch_ahead<kCodec>(chunk, parts, t);
        const Numbers numbers(x, row);
        const std::uint8_t* part = chunk + t * kTileBytes + lane * 4;
        const std::int8_t* values = x + row * kTileColumns;
        if ((t & group_mask) == 0) groups.next(lane, scale, bias);
        if constexpr (kHalfGroups) {
          add_half_tile<0>(part, values, numbers);
          groups.next(lane, scale, bias);
          add_half_tile<1>(part, values, numbers);
        } else {
          add_tile(part, values, numbers);
        }
      }
      chunk += parts.bytes;
    }
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kRows; ++m) {
      ABSTRACTLLM_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        Isa::store(out + (row + m) * kPanelRows + lane + v * Isa::kLanes,
                   sum[m][v]);
      }
    }
  }
};

template <int kCodec, int kHeight, int kPlanes, bool kBias, bool kHalfGroups>
void multiply_parts(const PanelLayout& layout, const std::uint8_t* panel,
                    const std::int8_t* block, float* out) {
  constexpr int kSums = kHeight * kPlanes;
  constexpr int kFit = Isa::rows_at_once(kSums) / kPlanes;
  constexpr int kRows = kFit < 1 ? 1 : kFit;
  constexpr int kVectors = Isa::vectors_at_once(kSums);
  for (int lane = 0; lane < kPanelRows; lane += kVectors * Isa::kLanes) {
    for (int row = 0; row < kHeight; row += kRows) {
      PartProduct<kCodec, kHeight, kPlanes, kRows, kVectors, kBias, kHalfGroups>
          product;
      product.run(layout, panel, block, row, lane, out);
    }
  }
}

template <int kCodec, int kHeight, int kPlanes>
void multiply_panel(const PanelLayout& layout, const std::uint8_t* panel,
                    const std::int8_t* block, float* out) {
  const bool half = layout.shape.group == kTileColumns / 2;
  if constexpr (kCodec == kE2M1) {
    multiply_parts<kCodec, kHeight, kPlanes, false, false>(layout, panel, block,
                                                           out);
  } else if (layout.has_bias) {
    half ? multiply_parts<kCodec, kHeight, kPlanes, true, true>(layout, panel,
                                                                block, out)
         : multiply_parts<kCodec, kHeight, kPlanes, true, false>(layout, panel,
                                                                 block, out);
  } else {
    half ? multiply_parts<kCodec, kHeight, kPlanes, false, true>(layout, panel,
                                                                 block, out)
         : multiply_parts<kCodec, kHeight, kPlanes, false, false>(layout, panel,
                                                                  block, out);
  }
}

template <int kCodec, int kPlanes>
constexpr void fill_heights(Int8PanelKernel (&kernels)[4]) {
  kernels[0] = &multiply_panel<kCodec, 1, kPlanes>;
  kernels[1] = &multiply_panel<kCodec, 2, kPlanes>;
  kernels[2] = &multiply_panel<kCodec, 4, kPlanes>;
  kernels[3] = &multiply_panel<kCodec, 8, kPlanes>;
}

template <int kCodec>
constexpr void fill_kernels(Int8Kernels& kernels) {
  fill_heights<kCodec, 1>(kernels.multiply[kCodec][0]);
  fill_heights<kCodec, 2>(kernels.multiply[kCodec][1]);
  kernels.unpack[kCodec] = &unpack_chunk<kCodec>;
}

constexpr Int8Kernels make_kernels() {
  Int8Kernels kernels{};
  kernels.name = Isa::kName;
  fill_kernels<k2Bits>(kernels);
  fill_kernels<k3Bits>(kernels);
  fill_kernels<k4Bits>(kernels);
  fill_kernels<k5Bits>(kernels);
  fill_kernels<k6Bits>(kernels);
  fill_kernels<k8Bits>(kernels);
  fill_kernels<kE2M1>(kernels);
  return kernels;
}

constexpr Int8Kernels kKernels = make_kernels();

// NOLINTEND(misc-definitions-in-headers)
