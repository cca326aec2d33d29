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

/// Where a half of a layer has norms: kLlama with Llama's names for those
/// before it, kBefore with Gemma 2's.
enum class GemmaNorms { kLlama, kBefore, kAround };

/// Parts with embeddings scaled by sqrt(hidden_size) and norm weights stored
/// less one.
DecoderParts read_gemma_parts(const ModelSource& source,
                              const DenseConfig& config, GemmaNorms norms,
                              HeadNorm query_key_norm = HeadNorm::kNone);

/// attn_logit_softcapping and final_logit_softcapping into `parts`, and the
/// scale of the scores.
void apply_gemma_caps(const io::JsonConfig& config, DecoderParts& parts);

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

/// The layer whose keys and values layer `index` uses, where those from
/// `own_layers` on have none: itself, or the last of its kind that has its own.
/// Throws ModelLoadingError.
int gemma_key_layer(const std::vector<int>& windows, int own_layers, int index);

/// Throws ModelLoadingError unless num_kv_shared_layers (`otherwise` where it
/// is absent) leaves a layer with keys of its own; how many it leaves.
int read_own_layers(const io::JsonConfig& config, int layers, int otherwise);

/// Attention whose modules begin with `module` over the keys and values of an
/// earlier layer. Keys that some exporters store in spite of that are passed
/// over.
ops::AttentionBlock read_reusing_attention(const WeightReader& weights,
                                           const DenseConfig& config,
                                           const std::string& module, int index,
                                           ops::ResidualFrame frame);

}  // namespace abstractllm::models
