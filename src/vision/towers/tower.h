// From the pixels of an image to rows that stand for its tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "models/image_prompt.h"
#include "models/source.h"
#include "vision/processor.h"
#include "vision/towers/stages.h"

namespace abstractllm::vision {

/// The tower and connector of one loaded model. Immutable after load; used on
/// the engine thread only.
class VisionTower {
 public:
  virtual ~VisionTower() = default;

  /// The features of one image, as the model's processor prepares it; not
  /// evaluated. Throws InvalidRequestError if the inputs have another form.
  models::ImageFeatures encode(const ImageInputs& image) const {
    Stages stages;
    return encode(image, stages);
  }

  /// The same; `stages` get what is computed on the way, each of which depends
  /// on the one before it. Nothing else holds a stage, but the next one and the
  /// features, so that its memory goes with it. Some may be computed at once.
  virtual models::ImageFeatures encode(const ImageInputs& image,
                                       Stages& stages) const = 0;
};

/// The tower that `source.config`'s model_type names, from weights with
/// canonical names. Throws UnsupportedModelError for a model without one, and
/// ModelLoadingError.
std::unique_ptr<VisionTower> make_tower(const models::ModelSource& source);

}  // namespace abstractllm::vision
