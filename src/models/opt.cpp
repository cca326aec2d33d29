// OPT: learned positions that begin at the third row, ReLU; the model of 350
// million parameters has norms behind the halves and smaller embeddings.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/fairseq.h"

namespace abstractllm::models {

namespace {

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read =
      fairseq_config(config, "num_hidden_layers", "num_attention_heads",
                     "hidden_size", "ffn_dim");
  read.embedding_size =
      size_or(config, "word_embed_proj_dim", read.hidden_size);
  read.activation = read_activation(config, "activation_function", "relu");
  return read;
}

// `root`: what stands before the decoder's modules.
DenseNames names_of(const io::JsonConfig& config, const std::string& root) {
  const bool norms_before = flag_or(config, "do_layer_norm_before", true);
  DenseNames names = fairseq_names(root);
  if (!norms_before) {
    names.before_attention = "";
    names.before_mlp = "";
  } else if (!flag_or(config, "_remove_final_layer_norm", false)) {
    names.final_norm = root + "final_layer_norm";
  }
  return names;
}

void put_norms_behind_halves(const WeightReader& weights,
                             const DenseConfig& config, bool norm_weights,
                             const std::string& layers, DecoderParts& parts) {
  const auto norm = [&](std::size_t index, const char* name) {
    const int size = config.hidden_size;
    return norm_weights
               ? weights.norm(ops::NormKind::kLayer,
                              layers + std::to_string(index) + "." + name, size,
                              config.norm_eps)
               : weights.norm(ops::NormKind::kLayer,
                              std::vector<float>(size, 1.0f), config.norm_eps);
  };
  for (std::size_t i = 0; i < parts.layers.size(); ++i) {
    parts.layers[i].mixer_norm = norm(i, "self_attn_layer_norm");
    parts.layers[i].feed_forward_norm = norm(i, "final_layer_norm");
  }
}

}  // namespace

std::unique_ptr<Model> make_opt(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_config(fields);
  const WeightReader reader(source.weights, source.backend);
  const std::string root =
      reader.prefix_of("embed_tokens", {"decoder."}, "model.decoder.");
  const bool affine = flag_or(fields, "layer_norm_elementwise_affine", true);
  const DenseNames names = names_of(fields, root);
  DecoderParts parts = read_fairseq_parts(
      source, config, {.norm_weights = affine, .names = names});
  if (!flag_or(fields, "do_layer_norm_before", true)) {
    put_norms_behind_halves(reader, config, affine, names.layers, parts);
  }
  const int hidden = config.hidden_size;
  if (config.embedding_size != hidden) {
    parts.embedding_projection = reader.linear(
        root + "project_in", hidden, config.embedding_size, Bias::kNone);
    parts.head_projection = reader.linear(
        root + "project_out", config.embedding_size, hidden, Bias::kNone);
  }
  parts.positions =
      read_fairseq_positions(source, config, root + "embed_positions", 2048);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
