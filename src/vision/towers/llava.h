// What LLaVA 1.5 and LLaVA-NeXT share.
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

}  // namespace abstractllm::vision
