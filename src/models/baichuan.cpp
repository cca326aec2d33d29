// Baichuan and Baichuan 2: Llama with fused projections, the 13B ones with
// ALiBi in the place of the rotation; version 2 scales the rows of its head to
// length 1. SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/common/alibi.h"
#include "models/common/dense_decoder.h"
#include "models/common/normed_head.h"

namespace abstractllm::models {

namespace {

// Version 1, whose head is a plain one, has this vocabulary.
constexpr int kVocabularyOfVersion1 = 64000;

// The 13B models say their length elsewhere; GGUF files have one name for it,
// so that the number of layers tells them.
bool has_alibi(const io::JsonConfig& config) {
  constexpr int kLayersOf13B = 40;
  return !config.has("max_position_embeddings") ||
         config.find_int("num_hidden_layers") == kLayersOf13B;
}

}  // namespace

std::unique_ptr<Model> make_baichuan(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  // GGUF files, and what is converted of them, have the parts alone.
  DenseTraits traits{.fused_query_key_value = source.weights.has_matrix(
                         "model.layers.0.self_attn.W_pack")};
  traits.names.query_key_value = "W_pack";
  DecoderParts parts = read_dense_parts(source, config, traits);
  if (config.vocab_size != kVocabularyOfVersion1) {
    parts.head = read_normed_head(WeightReader(source.weights, source.backend),
                                  "lm_head", config.vocab_size,
                                  config.hidden_size, HeadLength::kRows);
  }
  if (has_alibi(source.config)) place_by_alibi(parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
