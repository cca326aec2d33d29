// One picture of a tower: resized, cropped about its centre, normalised.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "io/image.h"
#include "vision/pixel_values.h"
#include "vision/resample.h"
#include "vision/settings.h"

namespace abstractllm::vision {

/// do_resize, size, resample, do_center_crop, crop_size and the values of a
/// preprocessor_config.json: how CLIP and SigLIP towers take an image.
/// Immutable; thread-safe.
class Picture {
 public:
  /// What a kind takes where the file says nothing.
  struct Defaults {
    SizeSetting size{};
    bool crops = false;  ///< about the centre, to `crop`
    Extent crop{};
    Filter filter = Filter::kBicubic;
    PixelValues::Triple mean = PixelValues::kHalves;
    PixelValues::Triple std = PixelValues::kHalves;
    SingleNumber single_number = SingleNumber::kSquare;
  };

  Picture(const io::JsonConfig& config, const Defaults& defaults);

  /// What a width x height image is resized to, before cropping. Throws
  /// ImageProcessingError for a side beyond 2^30.
  Extent scaled(int width, int height) const;
  /// What the tower sees of it.
  Extent visible(int width, int height) const;

  /// The part of the resize that is seen, of one region of an image.
  ResizeJob job(const Window& region) const;

  /// The result of job(region) as (3, visible height, visible width); what the
  /// crop asks for beyond the image is black.
  void write(const io::RgbImage& result, const Window& region,
             std::span<float> out) const;

  /// All of `image` as pixel_values (1, 3, visible height, visible width).
  FloatTensor see(const io::ImageSource& image) const;

  const PixelValues& values() const { return values_; }
  Filter filter() const { return filter_; }

 private:
  bool resizes_ = true;
  SizeSetting size_{};
  bool crops_ = false;
  Extent crop_{};
  Filter filter_;
  PixelValues values_;
};

/// Zeros of `shape`.
FloatTensor blank(std::vector<int> shape);

/// Part `index` of `parts` equal ones.
std::span<float> part(FloatTensor& tensor, int index, int parts);

}  // namespace abstractllm::vision
