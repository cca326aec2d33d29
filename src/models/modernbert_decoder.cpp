// ModernBERT's decoder: layer norms, gated units, windows in two layers of
// three, and a transformation before the head.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"
#include "models/common/modernbert.h"

namespace abstractllm::models {

namespace {

DenseNames modernbert_names() {
  DenseNames names;
  names.embedding = "model.embeddings.tok_embeddings";
  names.final_norm = "model.final_norm";
  names.head = "decoder";
  names.attention = "attn.";
  names.output = "Wo";
  names.before_attention = "";
  names.before_mlp = "mlp_norm";
  names.gate_up = "Wi";
  names.down = "Wo";
  return names;
}

}  // namespace

std::unique_ptr<Model> make_modernbert_decoder(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config =
      read_dense_config(fields, {.norm_eps = "norm_eps",
                                 .norm_eps_value = 1e-5,
                                 .activation = "hidden_activation",
                                 .activation_name = "gelu"});
  const std::vector<bool> slides =
      read_modernbert_slides(fields, config.num_hidden_layers);
  // Half of local_attention, for the tokens before one, unless a config says
  // it itself.
  const int window = size_or(fields, "sliding_window",
                             size_or(fields, "local_attention", 128) / 2);
  for (std::size_t i = 0; i < slides.size(); ++i) {
    config.windows[i] = slides[i] ? window : 0;
  }
  const RopeDefaults turns{.dims = config.head_dim};
  const ops::RopeTable local = read_modernbert_rope(fields, "sliding_attention",
                                                    "local_rope_theta", turns);
  const ops::RopeTable global =
      read_modernbert_rope(fields, "full_attention", "global_rope_theta",
                           {.theta = 160000, .dims = config.head_dim});
  DenseTraits traits{.norm = ops::NormKind::kLayer, .fused_gate_up = true};
  traits.names = modernbert_names();
  const WeightReader reader(source.weights, source.backend);
  const auto norm = [&](const std::string& module) {
    return reader.norm(ops::NormKind::kLayer, module, config.hidden_size,
                       config.norm_eps);
  };
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    // The embeddings that the first layer gets have been normed.
    if (index > 0) frame.before = norm(prefix + "attn_norm");
    ops::AttentionBlock block =
        read_attention(weights, config, traits, prefix + traits.names.attention,
                       index, std::move(frame));
    block.spec.rope = slides[static_cast<std::size_t>(index)] ? local : global;
    return block;
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.embedding_norm = norm("model.embeddings.norm");
  parts.before_head = {
      .linear = reader.linear("lm_head.dense", config.hidden_size,
                              config.hidden_size, Bias::kIfPresent),
      .activation = read_activation(fields, "classifier_activation", "gelu"),
      .norm = norm("lm_head.norm")};
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
