// The sizes and the centre crop of one picture.
// SPDX-License-Identifier: Apache-2.0
#include "vision/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::vision {
namespace {

// One axis of a centre crop: `length` pixels from `skip` on, behind `before`
// black ones.
struct CenteredSpan {
  int skip;
  int length;
  int before;
};

CenteredSpan centered(int have, int want) {
  if (have >= want) return {(have - want) / 2, want, 0};
  return {0, have, (want - have + 1) / 2};
}

int checked_side(double side) {
  constexpr double kLimit = 1 << 30;
  if (side < 1 || side > kLimit) {
    throw ImageProcessingError(
        fmt::format("[image processor] the image's proportions ask for a side "
                    "of {:.0f} pixels, outside 1 to {:.0f}",
                    side, kLimit));
  }
  return static_cast<int>(side);
}

Extent to_shortest_edge(int width, int height, int edge) {
  const int shorter = std::min(width, height);
  const int longer =
      checked_side(static_cast<double>(static_cast<std::int64_t>(edge) *
                                       std::max(width, height)) /
                   shorter);
  return width <= height ? Extent{edge, longer} : Extent{longer, edge};
}

// The shorter side to `shortest`, unless the longer would exceed `longest`.
Extent between_edges(int width, int height, int shortest, int longest) {
  const double shorter = std::min(width, height);
  const double longer = std::max(width, height);
  double size = shortest;
  bool limited = false;
  double raw = 0;
  if (longer / shorter * size > longest) {
    raw = longest * shorter / longer;
    size = std::nearbyint(raw);
    limited = true;
  }
  if (shorter == size) return {width, height};
  const double other = checked_side((limited ? raw : size) * longer / shorter);
  const Extent upright{checked_side(size), static_cast<int>(other)};
  return width < height ? upright : Extent{upright.height, upright.width};
}

}  // namespace

Picture::Picture(const io::JsonConfig& config, const Defaults& defaults)
    : resizes_(config.find_bool("do_resize").value_or(true)),
      size_(size_setting(config, "size", defaults.single_number)
                .value_or(defaults.size)),
      crops_(config.find_bool("do_center_crop").value_or(defaults.crops)),
      crop_(defaults.crop),
      filter_(filter_setting(config, defaults.filter)),
      values_(config, defaults.mean, defaults.std) {
  if (const auto crop =
          size_setting(config, "crop_size", SingleNumber::kSquare)) {
    if (!crop->width || !crop->height) {
      throw ModelLoadingError(
          fmt::format("[image processor] {}: 'crop_size' needs a width and a "
                      "height",
                      config.origin()));
    }
    crop_ = {*crop->width, *crop->height};
  }
  if (resizes_ && !size_.shortest_edge && !(size_.width && size_.height)) {
    throw ModelLoadingError(
        fmt::format("[image processor] {}: 'size' needs a width and a height, "
                    "or shortest_edge",
                    config.origin()));
  }
}

Extent Picture::scaled(int width, int height) const {
  require_size(width, height);
  if (!resizes_) return {width, height};
  if (!size_.shortest_edge) return {*size_.width, *size_.height};
  if (size_.longest_edge) {
    return between_edges(width, height, *size_.shortest_edge,
                         *size_.longest_edge);
  }
  return to_shortest_edge(width, height, *size_.shortest_edge);
}

Extent Picture::visible(int width, int height) const {
  return crops_ ? crop_ : scaled(width, height);
}

ResizeJob Picture::job(const Window& region) const {
  const Extent size = scaled(region.width, region.height);
  const Extent seen = visible(region.width, region.height);
  const CenteredSpan x = centered(size.width, seen.width);
  const CenteredSpan y = centered(size.height, seen.height);
  return {.region = region,
          .width = size.width,
          .height = size.height,
          .window = {x.skip, y.skip, x.length, y.length},
          .filter = filter_};
}

void Picture::write(const io::RgbImage& result, const Window& region,
                    std::span<float> out) const {
  const Extent seen = visible(region.width, region.height);
  if (result.width == seen.width && result.height == seen.height) {
    values_.planes(result, out);
    return;
  }
  const Extent size = scaled(region.width, region.height);
  io::RgbImage whole{.width = seen.width, .height = seen.height};
  whole.pixels.resize(static_cast<std::size_t>(3 * seen.pixels()));
  const CenteredSpan x = centered(size.width, seen.width);
  const CenteredSpan y = centered(size.height, seen.height);
  const auto row = static_cast<std::ptrdiff_t>(3 * result.width);
  for (int line = 0; line < result.height; ++line) {
    std::copy_n(
        result.pixels.begin() + line * row, row,
        whole.pixels.begin() +
            3 * (std::ptrdiff_t{line + y.before} * seen.width + x.before));
  }
  values_.planes(whole, out);
}

FloatTensor Picture::see(const io::ImageSource& image) const {
  const Window whole{.width = image.width(), .height = image.height()};
  const ResizeJob job_of_all = job(whole);
  const auto result = resize(image, {&job_of_all, 1});
  const Extent seen = visible(image.width(), image.height());
  FloatTensor values = blank({1, 3, seen.height, seen.width});
  write(result.front(), whole, values.values);
  return values;
}

FloatTensor blank(std::vector<int> shape) {
  std::size_t size = 1;
  for (const int side : shape) size *= static_cast<std::size_t>(side);
  return {.shape = std::move(shape), .values = std::vector<float>(size)};
}

std::span<float> part(FloatTensor& tensor, int index, int parts) {
  const std::size_t size =
      tensor.values.size() / static_cast<std::size_t>(parts);
  return std::span(tensor.values)
      .subspan(size * static_cast<std::size_t>(index), size);
}

}  // namespace abstractllm::vision
