// What the Cohere families share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// `defaults` says what the family's member has beside what all share.
DenseConfig read_cohere_config(const io::JsonConfig& config,
                               DenseDefaults defaults);

/// Layers whose halves read the same layer norm side by side, and scaled
/// logits. Throws ModelLoadingError for what the family files do not compute.
DecoderParts read_cohere_parts(const ModelSource& source,
                               const DenseConfig& config);

}  // namespace abstractllm::models
