// Config and construction that the Llama-like families share; each family
// file says only where it differs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/common/decoder.h"
#include "models/common/weight_reader.h"
#include "models/source.h"

namespace abstractllm::models {

/// Fields of config.json, by their names there, checked for sense.
struct DenseConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  float rms_norm_eps = 0;
  ops::Activation activation = ops::Activation::kSilu;
  std::vector<int> windows;  ///< per layer; 0: full attention
  ops::RopeTable rope;
};

/// What differs between the families that share this shape.
struct DenseTraits {
  Bias query_key_value_bias = Bias::kIfPresent;
  Bias output_bias = Bias::kIfPresent;
  Bias mlp_bias = Bias::kIfPresent;
  bool query_key_norm = false;  ///< RMS norm over each head of q and k
};

/// Throws ModelLoadingError for a missing field or impossible sizes.
DenseConfig read_dense_config(const io::JsonConfig& config);

/// Parts from a checkpoint in Llama's naming.
DecoderParts read_dense_parts(const ModelSource& source, DenseConfig config,
                              const DenseTraits& traits);

}  // namespace abstractllm::models
