// Products of many rows with quantised panels: a chunk of two panels is laid
// out with a byte for each code once and then multiplied with one block of rows
// after the other. Included behind int8_panel-inl.h by instruction sets with a
// dot product of four bytes.
// SPDX-License-Identifier: Apache-2.0

// Isa adds to what panels need:
//   store_line, load_float
//   dot(acc, w, x)              acc += w . x, one quad of columns
//   shift_words_by(a, n)
// and takes kGemmRows rows and as many panels as kGemmVectors registers cover.

// NOLINTBEGIN(misc-definitions-in-headers)

static_assert(Isa::kGemmVectors * Isa::kLanes % kPanelRows == 0);
static_assert(Isa::kGemmRows <= 8 &&
              kGemmPanels * kPanelRows % (Isa::kGemmVectors * Isa::kLanes) ==
                  0);

template <int kCodec, int kHalf>
ABSTRACTLLM_ALWAYS_INLINE void expand_half(const std::uint8_t* tile, int lane,
                                           std::uint8_t* lines) {
  Int w[4];
  unpack_half<kCodec, kHalf, false>(tile + 4 * lane, w);
  ABSTRACTLLM_UNROLL
  for (int i = 0; i < 4; ++i) {
    Isa::store_line(lines + (4 * kHalf + i) * kLineBytes + 4 * lane, w[i]);
  }
}

template <int kCodec, bool kBias>
void expand_chunk_with(const PanelLayout& layout, const std::uint8_t* chunk,
                       int tiles, ExpandedChunk& out) {
  constexpr int kTileBytes = codec_bits(kCodec) * kLineBytes;
  const bool half_groups = layout.shape.group == kTileColumns / 2;
  const int group_mask =
      half_groups ? 0 : layout.shape.group / kTileColumns - 1;
  const ChunkLayout& parts =
      tiles == kChunkTiles ? layout.full_chunk : layout.last_chunk;
  for (std::int64_t i = 0; i < parts.bytes; i += kLineBytes) {
    __builtin_prefetch(chunk + PanelLayout::kQuantisedPrefetchBytes + i);
  }
  for (int lane = 0; lane < kPanelRows; lane += Isa::kLanes) {
    GroupReader<kBias> groups(layout, chunk, parts);
    Float scale[1] = {Isa::float_zero()};
    Float bias[1] = {Isa::float_zero()};
    const auto store_numbers = [&](int slot) {
      Isa::store(out.scales[slot] + lane, scale[0]);
      if (kBias) Isa::store(out.biases[slot] + lane, bias[0]);
    };
    for (int t = 0; t < tiles; ++t) {
      const std::uint8_t* tile = chunk + t * kTileBytes;
      expand_half<kCodec, 0>(tile, lane, out.codes[t][0]);
      expand_half<kCodec, 1>(tile, lane, out.codes[t][0]);
      if ((t & group_mask) == 0) groups.next(lane, scale, bias);
      if (half_groups) {
        store_numbers(2 * t);
        groups.next(lane, scale, bias);
        store_numbers(2 * t + 1);
      } else {
        store_numbers(t);
      }
    }
  }
}

template <int kCodec>
void expand_chunk(const PanelLayout& layout, const std::uint8_t* chunk,
                  int tiles, ExpandedChunk& out) {
  if (kCodec != kE2M1 && layout.has_bias) {
    expand_chunk_with<kCodec, kCodec != kE2M1>(layout, chunk, tiles, out);
  } else {
    expand_chunk_with<kCodec, false>(layout, chunk, tiles, out);
  }
}

// kRows rows of a block times the panels of kGemmVectors registers.
template <int kRows, int kPlanes, bool kBias, bool kHalfGroups>
struct ExpandedProduct {
  static constexpr int kVectors = Isa::kGemmVectors;

  // Register v of something that panels have 16 of, `size` bytes each.
  template <typename T>
  static ABSTRACTLLM_ALWAYS_INLINE const T* part(const T* first_panel, int v) {
    constexpr std::int64_t kStep = sizeof(ExpandedChunk);
    const int lane = v * Isa::kLanes;
    const auto* panel = reinterpret_cast<const std::byte*>(first_panel) +
                        lane / kPanelRows * kStep;
    return reinterpret_cast<const T*>(panel) +
           lane % kPanelRows * (sizeof(T) == 1 ? 4 : 1);
  }

  Float sum[kRows][kVectors];
  Int high[kRows][kVectors];
  Int low[kRows][kVectors];

  ABSTRACTLLM_ALWAYS_INLINE void start(int zero_shift,
                                       const std::int32_t* negated,
                                       const std::int32_t* less) {
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kRows; ++m) {
      Int begin = Isa::zero();
      if constexpr (!kBias) {
        begin = Isa::broadcast(negated + m);
        if (less != nullptr) {
          begin = Isa::subtract(begin, Isa::broadcast(less + m));
        }
        begin = Isa::shift_words_by(begin, zero_shift);
      }
      ABSTRACTLLM_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        high[m][v] = Isa::zero();
        low[m][v] = begin;
      }
    }
  }

  template <int kFirst, int kLast>
  ABSTRACTLLM_ALWAYS_INLINE void dot_quads(const std::uint8_t* lines,
                                           const std::int8_t* values,
                                           std::int64_t plane_bytes) {
    ABSTRACTLLM_UNROLL
    for (int q = kFirst; q < kLast; ++q) {
      Int w[kVectors];
      ABSTRACTLLM_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        w[v] = Isa::load_line(part(lines + q * kLineBytes, v));
      }
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const std::int8_t* x = values + m * kTileColumns + 4 * q;
        const Int last = Isa::quad(x + (kPlanes - 1) * plane_bytes);
        ABSTRACTLLM_UNROLL
        for (int v = 0; v < kVectors; ++v) {
          low[m][v] = Isa::dot(low[m][v], w[v], last);
        }
        if constexpr (kPlanes == 2) {
          const Int first = Isa::quad(x);
          ABSTRACTLLM_UNROLL
          for (int v = 0; v < kVectors; ++v) {
            high[m][v] = Isa::dot(high[m][v], w[v], first);
          }
        }
      }
    }
  }

  ABSTRACTLLM_ALWAYS_INLINE void add(const float* scales, const float* biases,
                                     const float* x_scale, const float* x_sum) {
    ABSTRACTLLM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const Float scale = Isa::load_float(part(scales, v));
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kRows; ++m) {
        Int dot = low[m][v];
        if constexpr (kPlanes == 2) {
          dot = Isa::add(dot, Isa::template shift_words<8>(high[m][v]));
        }
        const Float scaled = Isa::multiply(Isa::to_float(dot), scale);
        sum[m][v] =
            Isa::fused_multiply_add(scaled, Isa::splat(x_scale + m), sum[m][v]);
      }
      if constexpr (kBias) {
        const Float bias = Isa::load_float(part(biases, v));
        ABSTRACTLLM_UNROLL
        for (int m = 0; m < kRows; ++m) {
          sum[m][v] =
              Isa::fused_multiply_add(bias, Isa::splat(x_sum + m), sum[m][v]);
        }
      }
    }
  }

  ABSTRACTLLM_ALWAYS_INLINE void run(const ExpandedChunk* panels, int tiles,
                                     int zero_shift, const std::int8_t* block,
                                     int height, int row, float* out) {
    float* to = out + row * kGemmPanels * kPanelRows;
    constexpr int kStep = kGemmPanels * kPanelRows;
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kRows; ++m) {
      ABSTRACTLLM_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        sum[m][v] = Isa::load_float(to + m * kStep + v * Isa::kLanes);
      }
    }
    const std::int64_t plane_bytes = std::int64_t{height} * kTileColumns;
    for (int t = 0; t < tiles; ++t) {
      const std::int8_t* values = block + row * kTileColumns;
      const auto* scale =
          reinterpret_cast<const float*>(block + kPlanes * plane_bytes) + row;
      const auto* negated =
          reinterpret_cast<const std::int32_t*>(scale) + height;
      const std::int32_t* first = negated + height;
      const auto* x_sum = reinterpret_cast<const float*>(first) + height;
      const std::uint8_t* lines = panels->codes[t][0];
      if constexpr (kHalfGroups) {
        float sums[2][kRows];
        ABSTRACTLLM_UNROLL
        for (int m = 0; m < kRows; ++m) {
          sums[0][m] = -scale[m] * static_cast<float>(first[m]);
          sums[1][m] = -scale[m] * static_cast<float>(negated[m] - first[m]);
        }
        start(zero_shift, first, nullptr);
        dot_quads<0, 4>(lines, values, plane_bytes);
        add(panels->scales[2 * t], panels->biases[2 * t], scale, sums[0]);
        start(zero_shift, negated, first);
        dot_quads<4, 8>(lines, values, plane_bytes);
        add(panels->scales[2 * t + 1], panels->biases[2 * t + 1], scale,
            sums[1]);
      } else {
        start(zero_shift, negated, nullptr);
        dot_quads<0, 8>(lines, values, plane_bytes);
        add(panels->scales[t], panels->biases[t], scale, x_sum);
      }
      block += height * quantised_tile_bytes(kPlanes);
    }
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kRows; ++m) {
      ABSTRACTLLM_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        Isa::store(to + m * kStep + v * Isa::kLanes, sum[m][v]);
      }
    }
  }
};

template <int kPlanes, bool kBias, bool kHalfGroups>
void multiply_block(const ExpandedChunk* panels, int tiles, int zero_shift,
                    const std::int8_t* block, int height, float* out) {
  constexpr int kRows = Isa::kGemmRows;
  constexpr int kPanels = Isa::kGemmVectors * Isa::kLanes / kPanelRows;
  for (int p = 0; p < kGemmPanels; p += kPanels, out += kPanels * kPanelRows) {
    if (height >= kRows) {
      for (int row = 0; row < height; row += kRows) {
        ExpandedProduct<kRows, kPlanes, kBias, kHalfGroups> product;
        product.run(panels + p, tiles, zero_shift, block, height, row, out);
      }
      continue;
    }
    for (int row = 0; row < height; ++row) {
      ExpandedProduct<1, kPlanes, kBias, kHalfGroups> product;
      product.run(panels + p, tiles, zero_shift, block, height, row, out);
    }
  }
}

template <int kPlanes, bool kBias, bool kHalfGroups>
void multiply_expanded(const ExpandedChunk* panels, int tiles, int zero_shift,
                       const GemmRows& rows, std::int64_t first_tile,
                       float* out) {
  for (std::int64_t row = 0; row < rows.count;) {
    const int height = block_height(rows.count - row);
    const std::int8_t* block =
        rows.blocks + row * rows.row_bytes +
        first_tile * height * quantised_tile_bytes(kPlanes);
    multiply_block<kPlanes, kBias, kHalfGroups>(
        panels, tiles, zero_shift, block, height,
        out + row * kGemmPanels * kPanelRows);
    row += height;
  }
}

template <int kPlanes>
constexpr void fill_gemm(Int8GemmKernel (&kernels)[2][2]) {
  kernels[0][0] = &multiply_expanded<kPlanes, false, false>;
  kernels[0][1] = &multiply_expanded<kPlanes, false, true>;
  kernels[1][0] = &multiply_expanded<kPlanes, true, false>;
  kernels[1][1] = &multiply_expanded<kPlanes, true, true>;
}

constexpr Int8Kernels make_gemm_kernels() {
  Int8Kernels kernels = make_kernels();
  kernels.expand[k2Bits] = &expand_chunk<k2Bits>;
  kernels.expand[k3Bits] = &expand_chunk<k3Bits>;
  kernels.expand[k4Bits] = &expand_chunk<k4Bits>;
  kernels.expand[k5Bits] = &expand_chunk<k5Bits>;
  kernels.expand[k6Bits] = &expand_chunk<k6Bits>;
  kernels.expand[k8Bits] = &expand_chunk<k8Bits>;
  kernels.expand[kE2M1] = &expand_chunk<kE2M1>;
  fill_gemm<1>(kernels.gemm[0]);
  fill_gemm<2>(kernels.gemm[1]);
  return kernels;
}

constexpr Int8Kernels kGemmKernels = make_gemm_kernels();

// NOLINTEND(misc-definitions-in-headers)
