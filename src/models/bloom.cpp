// BLOOM and BLOOMZ: ALiBi, a norm behind the embedding, queries, keys and
// values of each head together.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/alibi.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

DenseConfig read_config(const io::JsonConfig& config) {
  const auto either = [&](const char* first, const char* second) {
    return require_size(config, config.has(first) ? first : second);
  };
  DenseConfig read;
  read.hidden_size = either("hidden_size", "n_embed");
  read.intermediate_size = 4 * read.hidden_size;
  read.num_hidden_layers = either("n_layer", "num_hidden_layers");
  read.num_attention_heads = either("n_head", "num_attention_heads");
  read.num_key_value_heads = read.num_attention_heads;
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation = ops::Activation::kGeluTanh;
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  if (config.find_bool("apply_residual_connection_post_layernorm")
          .value_or(false)) {
    throw UnsupportedModelError(
        "[config] apply_residual_connection_post_layernorm is not supported",
        "Published models of this family have it off.");
  }
  return read;
}

}  // namespace

std::unique_ptr<Model> make_bloom(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const WeightReader reader(source.weights, source.backend);
  // Published files of the base model lack the outer name.
  const std::string root =
      reader.prefix_of("word_embeddings", {""}, "transformer.");
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names.embedding = root + "word_embeddings";
  traits.names.layers = root + "h.";
  traits.names.final_norm = root + "ln_f";
  traits.names.attention = "self_attention.";
  traits.names.output = "dense";
  join_heads(config, traits);
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.embedding_norm =
      reader.norm(ops::NormKind::kLayer, root + "word_embeddings_layernorm",
                  config.hidden_size, config.norm_eps);
  place_by_alibi(parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
