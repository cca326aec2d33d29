// GPT-NeoX Japanese: GPT-NeoX with the halves of a layer behind each other and
// one bias, of the last layer's attention.
// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read = read_dense_config(
      config,
      {.rope = {.theta = config.find_number("rotary_emb_base").value_or(10000)},
       .partial_rotary_factor = config.find_number("rotary_pct").value_or(1),
       .rotates_part = true,
       .norm_eps = "layer_norm_eps",
       .norm_eps_value = 1e-5,
       .activation_name = "gelu",
       .dense_layers = false});
  read.intermediate_size =
      size_or(config, "intermediate_multiple_size", 4) * read.hidden_size;
  return read;
}

}  // namespace

std::unique_ptr<Model> make_gpt_neox_japanese(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const WeightReader reader(source.weights, source.backend);
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names.embedding = "gpt_neox_japanese.embed_in";
  traits.names.layers = "gpt_neox_japanese.layers.";
  traits.names.final_norm = "gpt_neox_japanese.final_layer_norm";
  traits.names.head = "embed_out";
  traits.names.attention = "attention.";
  traits.names.output = "dense";
  join_heads(config, traits);
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    const int hidden = config.hidden_size;
    const std::string module =
        traits.names.layers + std::to_string(index) + ".attention.dense";
    if (!reader.has_vector(module + "_bias")) return;
    std::vector<std::int32_t> rows(static_cast<std::size_t>(hidden));
    std::iota(rows.begin(), rows.end(), 0);
    block.output = reader.linear(module, hidden, std::move(rows),
                                 reader.matrix(module, hidden, hidden),
                                 reader.vector(module + "_bias", hidden));
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
