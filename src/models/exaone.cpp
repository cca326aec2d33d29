// EXAONE 3 and 3.5: Llama in GPT-2's names.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_exaone(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.norm_eps = "layer_norm_epsilon",
                                        .activation = "activation_function",
                                        .num_hidden_layers = "num_layers"});
  DenseTraits traits;
  traits.names.embedding = "transformer.wte";
  traits.names.layers = "transformer.h.";
  traits.names.final_norm = "transformer.ln_f";
  traits.names.attention = "attn.attention.";
  traits.names.output = "out_proj";
  traits.names.before_attention = "ln_1";
  traits.names.before_mlp = "ln_2";
  traits.names.gate = "c_fc_0";
  traits.names.up = "c_fc_1";
  traits.names.down = "c_proj";
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
