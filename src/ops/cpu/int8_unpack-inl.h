// Chunks of quantised panels as floats. A part of int8_panel-inl.h, which
// includes it behind int8_codes-inl.h and says what Isa has.
// SPDX-License-Identifier: Apache-2.0

// NOLINTBEGIN(misc-definitions-in-headers)

template <int kCodec, int kHalf, bool kBias>
ABSTRACTLLM_ALWAYS_INLINE void unpack_half_to_float(const std::uint8_t* part,
                                                    Float scale, Float bias,
                                                    float* out) {
  Int w[4];
  unpack_half<kCodec, kHalf, false>(part, w);
  const std::int32_t zero_point = 1 << codec_zero_shift(kCodec);
  const Int zero = Isa::broadcast(&zero_point);
  ABSTRACTLLM_UNROLL
  for (int quad = 0; quad < 4; ++quad) {
    const auto write = [&]<int kByte>(std::integral_constant<int, kByte>)
        __attribute__((always_inline)) {
      const Int code = Isa::template byte_of_word<kByte>(w[quad]);
      const Float value =
          kBias
              ? Isa::fused_multiply_add(Isa::to_float(code), scale, bias)
              : Isa::multiply(Isa::to_float(Isa::subtract(code, zero)), scale);
      Isa::store(out + (quad * 4 + kByte) * kPanelRows, value);
    };
    write(std::integral_constant<int, 0>{});
    write(std::integral_constant<int, 1>{});
    write(std::integral_constant<int, 2>{});
    write(std::integral_constant<int, 3>{});
  }
}

template <int kCodec, bool kBias>
void unpack_chunk_with(const PanelLayout& layout, const std::uint8_t* chunk,
                       int tile_count, float* out) {
  constexpr int kTileBytes = codec_bits(kCodec) * kLineBytes;
  const bool half_groups = layout.shape.group == kTileColumns / 2;
  const int group_mask =
      half_groups ? 0 : layout.shape.group / kTileColumns - 1;
  const ChunkLayout& parts =
      tile_count == kChunkTiles ? layout.full_chunk : layout.last_chunk;
  for (int lane = 0; lane < kPanelRows; lane += Isa::kLanes) {
    GroupReader<kBias> groups(layout, chunk, parts);
    Float scale[1] = {Isa::float_zero()};
    Float bias[1] = {Isa::float_zero()};
    for (int t = 0; t < tile_count; ++t) {
      const std::uint8_t* part = chunk + t * kTileBytes + lane * 4;
      float* to = out + t * kTileColumns * kPanelRows + lane;
      fetch_ahead<kCodec>(chunk, parts, t);
      if ((t & group_mask) == 0) groups.next(lane, scale, bias);
      unpack_half_to_float<kCodec, 0, kBias>(part, scale[0], bias[0], to);
      if (half_groups) groups.next(lane, scale, bias);
      unpack_half_to_float<kCodec, 1, kBias>(
          part, scale[0], bias[0], to + kTileColumns / 2 * kPanelRows);
    }
  }
}

template <int kCodec>
void unpack_chunk(const PanelLayout& layout, const std::uint8_t* chunk,
                  int tile_count, float* out) {
  if (kCodec != kE2M1 && layout.has_bias) {
    unpack_chunk_with<kCodec, kCodec != kE2M1>(layout, chunk, tile_count, out);
  } else {
    unpack_chunk_with<kCodec, false>(layout, chunk, tile_count, out);
  }
}

// NOLINTEND(misc-definitions-in-headers)
