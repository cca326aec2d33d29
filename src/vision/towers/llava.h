// What LLaVA 1.5, LLaVA-NeXT and their like share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/source.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

/// A tower, of which one hidden state is taken, and its connector.
struct LlavaParts {
  Vit vit;
  TwoLinears projector;
  bool keeps_class = false;  ///< the class token counts as a patch
};

/// Throws ModelLoadingError, and UnsupportedModelError for features of several
/// layers.
LlavaParts read_llava_parts(const models::ModelSource& source);

/// The hidden state of a tower of `layers` layers that vision_feature_layer
/// names, counted from the end (-1: that of the last layer); `otherwise` where
/// the config is silent. Throws as read_llava_parts does.
int feature_layer(const io::JsonConfig& config, int layers, int otherwise);

/// multi_modal_projector.linear_1 and linear_2.
TwoLinears read_projector(const models::ModelSource& source, int inputs);

}  // namespace abstractllm::vision
