// Borders around the stored rows of an image.
// SPDX-License-Identifier: Apache-2.0
#include "vision/square_source.h"

#include <algorithm>
#include <vector>

namespace abstractllm::vision {
namespace {

io::ImageShape squared(io::ImageShape shape) {
  shape.stored_width = shape.stored_height =
      std::max(shape.stored_width, shape.stored_height);
  return shape;
}

// The border in front of the stored pixels, which lie mirrored or not.
int border(int side, int inner, bool mirrored) {
  const int smaller = (side - inner) / 2;
  return mirrored ? side - inner - smaller : smaller;
}

}  // namespace

SquareSource::SquareSource(const io::ImageSource& image,
                           const Colour& background)
    : ImageSource(squared(image.shape())),
      image_(image),
      background_(background) {}

void SquareSource::read_rows(const io::RowSink& sink) const {
  const io::ImageShape& inner = image_.shape();
  const int side = shape().stored_width;
  const int left =
      border(side, inner.stored_width, inner.orientation.mirrored_x);
  const int top =
      border(side, inner.stored_height, inner.orientation.mirrored_y);
  std::vector<std::uint8_t> empty(3 * static_cast<std::size_t>(side));
  for (std::size_t i = 0; i < empty.size(); ++i) empty[i] = background_[i % 3];
  std::vector<std::uint8_t> line = empty;
  for (int y = 0; y < top; ++y) sink(empty);
  image_.read_rows([&](std::span<const std::uint8_t> row) {
    std::copy(row.begin(), row.end(), line.begin() + std::ptrdiff_t{3} * left);
    sink(line);
  });
  for (int y = top + inner.stored_height; y < side; ++y) sink(empty);
}

}  // namespace abstractllm::vision
