// nanochat: norms without weights, also behind the embedding and the rotation,
// which turns the other way round; squared ReLU.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_nanochat(const ModelSource& source) {
  const WeightReader weights(source.weights, source.backend);
  // mlx-lm keeps the authors' names and constants.
  const std::string first = "transformer.";
  const bool renamed = weights.has_matrix(first + "wte");
  DenseConfig config = read_dense_config(
      source.config,
      {.norm_eps_value = renamed ? 1e-5 : 1e-6, .activation_name = "relu2"});
  for (float& frequency : config.rope.inverse_frequencies) {
    frequency = -frequency;
  }
  DenseTraits traits{.norm_weights = false};
  traits.names.gate = "";
  traits.names.up = renamed ? "c_fc" : "fc1";
  traits.names.down = renamed ? "c_proj" : "fc2";
  if (renamed) {
    traits.names.embedding = first + "wte";
    traits.names.layers = first + "h.";
    traits.names.attention = "attn.";
    traits.names.query = "c_q";
    traits.names.key = "c_k";
    traits.names.value = "c_v";
    traits.names.output = "c_proj";
  }
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.embedding_norm = parts.final_norm;
  parts.logit_softcap =
      number_unless_null(source.config, "final_logit_softcapping", 15);
  const ops::Norm norm =
      weights.norm(ops::NormKind::kRms,
                   std::vector<float>(config.head_dim, 1.0f), config.norm_eps);
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.spec.rotated_query_norm = norm;
    block.spec.rotated_key_norm = norm;
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
