// An image filled up to a square.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "io/image.h"

namespace abstractllm::vision {

/// The image in the middle of a square of one colour; where the borders differ
/// by a pixel the upper or left one is the smaller. Refers to `image`, which
/// must outlive it. Immutable; thread-safe.
class SquareSource final : public io::ImageSource {
 public:
  using Colour = std::array<std::uint8_t, 3>;

  SquareSource(const io::ImageSource& image, const Colour& background);
  void read_rows(const io::RowSink& sink) const override;

 private:
  const io::ImageSource& image_;
  Colour background_;
};

}  // namespace abstractllm::vision
