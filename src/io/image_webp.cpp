// WebP over libwebp, which decodes whole frames.
// SPDX-License-Identifier: Apache-2.0
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <vector>

#include "io/image_codecs.h"

namespace abstractllm::io {
namespace {

constexpr ImageFormat kFormat = ImageFormat::kWebp;

// What libwebp keeps beside pixels.
constexpr std::uint64_t kFixedBytes = 1024 * 1024;

const std::uint8_t* data_of(ImageBytes file) {
  return reinterpret_cast<const std::uint8_t*>(file.data());
}

WebPBitstreamFeatures features_of(ImageBytes file) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data_of(file), file.size(), &features) != VP8_STATUS_OK) {
    fail_image(kFormat, "no readable header");
  }
  return features;
}

Orientation orientation_of(ImageBytes file) {
  const WebPData data{data_of(file), file.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(
      WebPDemux(&data), WebPDemuxDelete);
  WebPChunkIterator chunk{};
  if (!demuxer || WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) == 0) {
    return {};
  }
  auto exif = std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size));
  // Some writers put the header of JPEG's segment in front.
  if (byte_at(exif, 0) == 'E' && exif.size() > 6) exif = exif.subspan(6);
  const Orientation orientation = exif_orientation(exif);
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

// The first frame, on its canvas.
void read_animation(ImageBytes file, const RowSink& sink) {
  const WebPData data{data_of(file), file.size()};
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&data, &options), WebPAnimDecoderDelete);
  WebPAnimInfo canvas;
  std::uint8_t* pixels = nullptr;
  int timestamp = 0;
  if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &canvas) == 0 ||
      WebPAnimDecoderGetNext(decoder.get(), &pixels, &timestamp) == 0) {
    fail_image(kFormat, "the first frame of the animation is not readable");
  }
  const auto width = static_cast<std::size_t>(canvas.canvas_width);
  std::vector<std::uint8_t> rgb(3 * width);
  for (std::size_t y = 0; y < canvas.canvas_height; ++y) {
    flatten(pixels + 4 * width * y, rgb);
    sink(rgb);
  }
}

bool recognizes(ImageBytes file) {
  return u32_at(file, 0) == 0x46464952 &&  // "RIFF"
         u32_at(file, 8) == 0x50424557;    // "WEBP"
}

ImageHeader read_header(ImageBytes file) {
  const WebPBitstreamFeatures features = features_of(file);
  const std::uint64_t pixels = static_cast<std::uint64_t>(features.width) *
                               static_cast<std::uint64_t>(features.height);
  // Bytes a pixel: ours; the decoder's own of lossless (2) and mixed (0)
  // frames, and of opacity; the two canvases of an animation.
  std::uint64_t each = features.has_alpha != 0 ? 4 : 3;
  if (features.format != 1) each += 4;
  if (features.has_alpha != 0) each += 1;
  if (features.has_animation != 0) each = 12;
  return {.shape = {.stored_width = features.width,
                    .stored_height = features.height,
                    .orientation = orientation_of(file)},
          .memory_bytes = kFixedBytes + pixels * each};
}

void read_rows(ImageBytes file, const RowSink& sink) {
  const WebPBitstreamFeatures features = features_of(file);
  if (features.has_animation != 0) return read_animation(file, sink);
  const auto width = static_cast<std::size_t>(features.width);
  const auto height = static_cast<std::size_t>(features.height);
  const bool has_alpha = features.has_alpha != 0;
  const std::size_t stride = (has_alpha ? 4 : 3) * width;
  // Not written before there is something to write: headers may lie.
  const auto pixels =
      std::make_unique_for_overwrite<std::uint8_t[]>(stride * height);
  const auto decode = has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(data_of(file), file.size(), pixels.get(), stride * height,
             static_cast<int>(stride)) == nullptr) {
    fail_image(kFormat, "the pixels are not readable");
  }
  std::vector<std::uint8_t> rgb(has_alpha ? 3 * width : 0);
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t* row = pixels.get() + y * stride;
    if (has_alpha) flatten(row, rgb);
    sink(has_alpha ? std::span<const std::uint8_t>(rgb)
                   : std::span<const std::uint8_t>(row, stride));
  }
}

}  // namespace

const ImageCodec kWebpCodec = {kFormat, recognizes, read_header, read_rows};

}  // namespace abstractllm::io
