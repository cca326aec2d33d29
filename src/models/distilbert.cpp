// DistilBERT: BERT without types of tokens, and with names of its own.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/bert.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_distilbert(const ModelSource& source) {
  return make_bert_like(source, {.fields = {.hidden_size = "dim",
                                            .intermediate_size = "hidden_dim",
                                            .num_hidden_layers = "n_layers",
                                            .num_attention_heads = "n_heads",
                                            .activation = "activation"},
                                 .names = {.token_type = "",
                                           .layers = "transformer.layer.",
                                           .query = "attention.q_lin",
                                           .key = "attention.k_lin",
                                           .value = "attention.v_lin",
                                           .output = "attention.out_lin",
                                           .attention_norm = "sa_layer_norm",
                                           .up = "ffn.lin1",
                                           .down = "ffn.lin2",
                                           .mlp_norm = "output_layer_norm"},
                                 .prefix = "distilbert."});
}

}  // namespace abstractllm::models
