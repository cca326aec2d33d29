// GPT-NeoX and Pythia: both halves of a layer side by side, each behind its own
// layer norm; a head's query, key and value rows lie together.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

DenseNames names_of(const WeightReader& weights) {
  DenseNames names;
  const bool is_mlx = weights.has_matrix("model.embed_in");
  const std::string prefix = is_mlx ? "model." : "gpt_neox.";
  names.embedding = prefix + "embed_in";
  names.layers = prefix + (is_mlx ? "h." : "layers.");
  names.final_norm = prefix + "final_layer_norm";
  names.attention = "attention.";
  names.output = "dense";
  names.head = is_mlx ? "model.embed_out" : "embed_out";
  return names;
}

}  // namespace

std::unique_ptr<Model> make_gpt_neox(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(
      fields,
      {.rope = {.theta = fields.find_number("rotary_emb_base").value_or(10000)},
       .partial_rotary_factor = fields.find_number("rotary_pct").value_or(0.25),
       .rotates_part = true,
       .norm_eps = "layer_norm_eps",
       .norm_eps_value = 1e-5,
       .activation_name = "gelu"});
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names = names_of(WeightReader(source.weights, source.backend));
  join_heads(config, traits);
  DecoderParts parts = read_dense_parts(source, config, traits);
  const bool parallel = flag_or(fields, "use_parallel_residual", true);
  for (DecoderLayer& layer : parts.layers) layer.parallel = parallel;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
