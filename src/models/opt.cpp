// OPT: learned positions that begin at the third row, ReLU.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

constexpr int kFirstPosition = 2;

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.intermediate_size = require_size(config, "ffn_dim");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads = read.num_attention_heads;
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = 1e-5f;
  read.activation = read_activation(config, "activation_function", "relu");
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  const bool usual = flag_or(config, "do_layer_norm_before", true) &&
                     size_or(config, "word_embed_proj_dim", read.hidden_size) ==
                         read.hidden_size;
  if (usual) return read;
  throw UnsupportedModelError(
      "[config] OPT with norms behind the halves of a layer or embeddings of "
      "another size is not supported",
      "That is the model of 350 million parameters; the others are.");
}

DenseNames names_of(const WeightReader& weights) {
  const std::string root =
      weights.prefix_of("embed_tokens", {"decoder."}, "model.decoder.");
  DenseNames names;
  names.embedding = root + "embed_tokens";
  names.layers = root + "layers.";
  names.final_norm = root + "final_layer_norm";
  names.output = "out_proj";
  names.before_attention = "self_attn_layer_norm";
  names.before_mlp = "final_layer_norm";
  return names;
}

}  // namespace

std::unique_ptr<Model> make_opt(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const WeightReader reader(source.weights, source.backend);
  DenseTraits traits{.norm = ops::NormKind::kLayer, .names = names_of(reader)};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_plain_mlp(weights, config, prefix + "fc1", prefix + "fc2",
                          std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  const int positions = require_size(source.config, "max_position_embeddings");
  std::string table = traits.names.embedding;
  table.replace(table.rfind("embed_tokens"), std::string::npos,
                "embed_positions");
  parts.positions = reader.linear(
      reader.matrix(table, positions + kFirstPosition, config.hidden_size)
          .slice_rows(kFirstPosition, positions),
      std::nullopt);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
