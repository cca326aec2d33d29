// Baichuan and Baichuan 2, 7B: Llama with fused projections; version 2 scales
// the rows of its head to length 1.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"
#include "models/common/normed_head.h"

namespace abstractllm::models {

namespace {

// Version 1, whose head is a plain one, has this vocabulary.
constexpr int kVocabularyOfVersion1 = 64000;

}  // namespace

std::unique_ptr<Model> make_baichuan(const ModelSource& source) {
  // The 13B models say their length elsewhere, and have no rotation.
  if (!source.config.has("max_position_embeddings")) {
    throw UnsupportedModelError(
        "[config] Baichuan 13B places tokens by ALiBi, which is not supported",
        "The 7B models of this family are.");
  }
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
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
