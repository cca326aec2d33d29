// What the Gemma families share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// Where config.json is silent.
constexpr int kGemmaHeadDim = 256;
constexpr int kGemmaWindow = 4096;

/// The activation is the tanh form of GELU even where hidden_act says "gelu":
/// hidden_activation, which came later, says it right.
DenseConfig read_gemma_config(const io::JsonConfig& config,
                              const DenseDefaults& defaults = {});

/// Parts with embeddings scaled by sqrt(hidden_size) and norm weights stored
/// less one. `around`: norms before and after each half (Gemma 2 and 3).
DecoderParts read_gemma_parts(const ModelSource& source,
                              const DenseConfig& config, bool around,
                              HeadNorm query_key_norm = HeadNorm::kNone);

/// Scores are scaled by query_pre_attn_scalar^-1/2.
float gemma_score_scale(const io::JsonConfig& config);

/// The rotations of layers with a window and of those that see all.
struct GemmaRopes {
  ops::RopeTable local;
  ops::RopeTable global;
};

/// Gemma 3's: rope_local_base_freq and rope_theta, or rope_parameters with an
/// object for each kind of layer.
GemmaRopes read_gemma_ropes(const io::JsonConfig& config, int dims);

}  // namespace abstractllm::models
