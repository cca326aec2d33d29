// Qwen 1: Llama in GPT-2's names with fused projections and their biases.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(
      fields,
      {.rope = {.theta = fields.find_number("rotary_emb_base").value_or(10000)},
       .partial_rotary_factor = fields.find_number("rotary_pct").value_or(1),
       .norm_eps = "layer_norm_epsilon"});
  if (config.intermediate_size % 2 != 0) {
    throw ModelLoadingError("[config] intermediate_size is " +
                            std::to_string(config.intermediate_size) +
                            ", expected an even number");
  }
  // The field counts the rows of both matrices of the unit.
  config.intermediate_size /= 2;
  DenseTraits traits{.fused_query_key_value = true};
  traits.names.embedding = "transformer.wte";
  traits.names.layers = "transformer.h.";
  traits.names.final_norm = "transformer.ln_f";
  traits.names.attention = "attn.";
  traits.names.query_key_value = "c_attn";
  traits.names.output = "c_proj";
  traits.names.before_attention = "ln_1";
  traits.names.before_mlp = "ln_2";
  traits.names.gate = "w2";
  traits.names.up = "w1";
  traits.names.down = "c_proj";
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
