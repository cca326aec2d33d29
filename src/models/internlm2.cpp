// InternLM 2 and 2.5: Llama with the queries that share a key, that key and its
// value side by side.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_internlm2(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  DenseTraits traits;
  traits.names.embedding = "model.tok_embeddings";
  traits.names.head = "output";
  traits.names.attention = "attention.";
  traits.names.output = "wo";
  traits.names.before_attention = "attention_norm";
  traits.names.before_mlp = "ffn_norm";
  traits.names.mlp = "feed_forward.";
  traits.names.gate = "w1";
  traits.names.up = "w3";
  traits.names.down = "w2";
  traits.projections = [&](const WeightReader& weights,
                           const std::string& prefix) {
    const int size = config.head_dim;
    const int kv_heads = config.num_key_value_heads;
    const int queries = config.num_attention_heads / kv_heads * size;
    const int group = queries + 2 * size;
    const auto part = [&](int first, int count) {
      return weights.pick_linear(
          prefix + "wqkv", kv_heads * group, config.hidden_size,
          head_rows(kv_heads, group, first, count), Bias::kIfPresent);
    };
    return std::vector<ops::Linear>{part(0, queries), part(queries, size),
                                    part(queries + size, size)};
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
