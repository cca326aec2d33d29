// The multipliers of the MiniCPM families.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// Writes scale_emb, scale_depth and dim_model_base into `parts`.
void apply_minicpm_multipliers(const io::JsonConfig& config,
                               const DenseConfig& sizes, DecoderParts& parts);

}  // namespace abstractllm::models
