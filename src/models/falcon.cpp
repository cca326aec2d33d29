// Falcon 7B, 40B, 180B, Falcon 2 and RW: both halves of a layer side by side or
// not, fused queries, keys and values in three orders, rotation or ALiBi.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/common/alibi.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

bool is_on(const io::JsonConfig& config, const char* field, bool otherwise) {
  return config.find_bool(field).value_or(otherwise);
}

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.intermediate_size =
      size_or(config, "ffn_hidden_size", 4 * read.hidden_size);
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.num_attention_heads = require_size(config, "num_attention_heads");
  const bool grouped = is_on(config, "new_decoder_architecture", false);
  const bool shared = !grouped && is_on(config, "multi_query", true);
  read.num_key_value_heads =
      shared ? 1 : size_or(config, "num_kv_heads", read.num_attention_heads);
  if (!grouped && !shared) read.num_key_value_heads = read.num_attention_heads;
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation = read_activation(config, "activation", "gelu");
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  check_shared_heads(read);
  if (!is_on(config, "alibi", false)) {
    read.rope = read_rope(config, {.dims = read.head_dim});
  }
  return read;
}

}  // namespace

std::unique_ptr<Model> make_falcon(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_config(fields);
  const bool parallel = is_on(fields, "parallel_attn", true);
  const bool grouped = is_on(fields, "new_decoder_architecture", false);
  const bool two_norms = parallel && size_or(fields, "num_ln_in_parallel_attn",
                                             grouped ? 2 : 1) == 2;
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  DenseNames& names = traits.names;
  names.embedding = "transformer.word_embeddings";
  names.layers = "transformer.h.";
  names.final_norm = "transformer.ln_f";
  names.attention = "self_attention.";
  names.output = "dense";
  if (parallel) {
    names.before_attention = two_norms ? "ln_attn" : "input_layernorm";
    // GGUF files do not tell the one norm from the second of two.
    names.before_mlp =
        two_norms && !source.weights.is_gguf() ? "ln_mlp" : "input_layernorm";
  }
  join_heads(config, traits);
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = parallel;
  if (is_on(fields, "alibi", false)) place_by_rounded_alibi(parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
