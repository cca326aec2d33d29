// Codes and scales of quantised panels as vectors of a type `Isa`. A part of
// int8_panel-inl.h, which includes it and says what Isa has.
// SPDX-License-Identifier: Apache-2.0

// NOLINTBEGIN(misc-definitions-in-headers)

enum Codec : int { k2Bits, k3Bits, k4Bits, k5Bits, k6Bits, k8Bits, kE2M1 };

constexpr int codec_bits(int codec) {
  return codec == kE2M1 ? 4 : codec == k8Bits ? 8 : codec + 2;
}

/// log2 of the code that stands for zero.
constexpr int codec_zero_shift(int codec) {
  return codec == kE2M1 ? 4 : codec_bits(codec) - 1;
}

/// Bits that bound a code as a factor: e2m1 is looked up as 4..28.
constexpr int codec_factor_bits(int codec) {
  return codec == kE2M1 ? 5 : codec_bits(codec);
}

using Int = Isa::Int;
using Float = Isa::Float;

template <int kShift>
ABSTRACTLLM_ALWAYS_INLINE Int shift_bits(Int bytes) {
  if constexpr (kShift > 0) {
    return Isa::template shift_left<kShift>(bytes);
  } else if constexpr (kShift < 0) {
    return Isa::template shift_right<-kShift>(bytes);
  } else {
    return bytes;
  }
}

// Quads 4 * kHalf .. 4 * kHalf + 3 of a tile, one code a byte. `tile` points
// to the wanted part of its first line.
template <int kCodec, int kHalf, bool kSigned>
ABSTRACTLLM_ALWAYS_INLINE void unpack_half(const std::uint8_t* tile,
                                           Int (&w)[4]) {
  const auto line = [tile](int index) {
    return Isa::load_line(tile + index * kLineBytes);
  };
  constexpr int kQuad = 4 * kHalf;
  if constexpr (kCodec == k8Bits) {
    for (int i = 0; i < 4; ++i) {
      w[i] = line(kQuad + i);
      if constexpr (kSigned) w[i] = Isa::flip_sign(w[i]);
    }
  } else if constexpr (kCodec == k2Bits || kCodec == k3Bits) {
    const Int low = line(kHalf);
    w[0] = Isa::template and_mask<3>(low);
    w[1] = Isa::template and_mask<3>(shift_bits<-2>(low));
    w[2] = Isa::template and_mask<3>(shift_bits<-4>(low));
    w[3] = Isa::template and_mask<3>(shift_bits<-6>(low));
  } else {
    const Int a = line(2 * kHalf);
    const Int b = line(2 * kHalf + 1);
    w[0] = Isa::template and_mask<15>(a);
    w[1] = Isa::template and_mask<15>(shift_bits<-4>(a));
    w[2] = Isa::template and_mask<15>(b);
    w[3] = Isa::template and_mask<15>(shift_bits<-4>(b));
  }
  if constexpr (kCodec == k3Bits || kCodec == k5Bits) {
    constexpr int kTo = kCodec == k3Bits ? 2 : 4;
    const Int high = line(kTo);
    const auto add = [&]<int kField>(std::integral_constant<int, kField>) {
      w[kField] =
          Isa::or_bits(w[kField], Isa::template and_mask<1 << kTo>(
                                      shift_bits<kTo - kQuad - kField>(high)));
    };
    add(std::integral_constant<int, 0>{});
    add(std::integral_constant<int, 1>{});
    add(std::integral_constant<int, 2>{});
    add(std::integral_constant<int, 3>{});
  } else if constexpr (kCodec == k6Bits) {
    const Int high = line(4 + kHalf);
    const auto add = [&]<int kField>(std::integral_constant<int, kField>) {
      w[kField] = Isa::or_bits(
          w[kField],
          Isa::template and_mask<0x30>(shift_bits<4 - 2 * kField>(high)));
    };
    add(std::integral_constant<int, 0>{});
    add(std::integral_constant<int, 1>{});
    add(std::integral_constant<int, 2>{});
    add(std::integral_constant<int, 3>{});
  } else if constexpr (kCodec == kE2M1) {
    for (int i = 0; i < 4; ++i) w[i] = Isa::lookup(w[i]);
  }
}

// Fetches the share that tile `tile` of a chunk has of all bytes of a chunk, as
// far ahead as PanelLayout says. Memory is then read from one end to the other:
// scales and biases fetched when theirs come cost a quarter of the speed.
template <int kCodec>
ABSTRACTLLM_ALWAYS_INLINE void fetch_ahead(const std::uint8_t* chunk,
                                           const ChunkLayout& parts, int tile) {
  constexpr int kBytes = (codec_bits(kCodec) + 1) * kLineBytes;
  const std::uint8_t* from =
      chunk + PanelLayout::kQuantisedPrefetchBytes + tile * parts.share;
  ABSTRACTLLM_UNROLL
  for (int i = 0; i < kBytes; i += kLineBytes) __builtin_prefetch(from + i);
  for (std::int64_t i = kBytes; i < parts.share; i += kLineBytes) {
    __builtin_prefetch(from + i);
  }
}

ABSTRACTLLM_ALWAYS_INLINE Float load_scale(ScaleFormat format,
                                           const std::uint8_t* group,
                                           int lane) {
  switch (format) {
    case ScaleFormat::kF16:
      return Isa::load_f16(group + 2 * lane);
    case ScaleFormat::kBF16:
      return Isa::load_bf16(group + 2 * lane);
    case ScaleFormat::kE8M0:
      return Isa::load_e8m0(group + lane);
    default:
      return Isa::load_f32(group + 4 * lane);
  }
}

// Where the scales of the groups of a chunk are and how they advance.
template <bool kBias>
struct GroupReader {
  ScaleFormat format;
  std::int64_t stride;  // bytes of the scales of one group
  const std::uint8_t* scales;
  const std::uint8_t* biases;

  ABSTRACTLLM_ALWAYS_INLINE GroupReader(const PanelLayout& layout,
                                        const std::uint8_t* chunk,
                                        const ChunkLayout& parts)
      : format(layout.scale_format),
        stride(kPanelRows * scale_bytes(layout.scale_format)),
        scales(chunk + parts.scales),
        biases(chunk + parts.biases) {}

  template <int kVectors>
  ABSTRACTLLM_ALWAYS_INLINE void next(int lane, Float (&scale)[kVectors],
                                      Float (&bias)[kVectors]) {
    ABSTRACTLLM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      scale[v] = load_scale(format, scales, lane + v * Isa::kLanes);
      if constexpr (kBias) {
        bias[v] = load_scale(format, biases, lane + v * Isa::kLanes);
      }
    }
    scales += stride;
    if constexpr (kBias) biases += stride;
  }
};

// NOLINTEND(misc-definitions-in-headers)
