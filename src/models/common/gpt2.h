// Config and names of the GPT-2 families.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// n_embd, n_head and so on, with as many heads of keys and values.
DenseConfig read_gpt2_config(const io::JsonConfig& config);

/// Of the scores, by scale_attn_weights.
float gpt2_score_scale(const io::JsonConfig& config, const DenseConfig& sizes);

/// Modules behind `prefix`, which is "transformer." in most checkpoints.
DenseNames gpt2_names(const std::string& prefix);

/// `prefix`wpe: (n_positions, hidden).
ops::Linear read_gpt2_positions(const ModelSource& source,
                                const DenseConfig& sizes,
                                const std::string& prefix);

}  // namespace abstractllm::models
