// What ModernBERT's encoder and decoder share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "models/common/rope_config.h"

namespace abstractllm::models {

/// layer_types, or global_attn_every_n_layers: which layers have a window.
/// Throws ModelLoadingError.
std::vector<bool> read_modernbert_slides(const io::JsonConfig& config,
                                         int layers);

/// The rotation of layers of `kind` ("full_attention", "sliding_attention"). In
/// older configs the bases stand beside the rest, in `field`.
ops::RopeTable read_modernbert_rope(const io::JsonConfig& config,
                                    const char* kind, const char* field,
                                    RopeDefaults defaults);

}  // namespace abstractllm::models
