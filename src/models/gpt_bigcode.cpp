// StarCoder 1 and SantaCoder: learned positions, mostly one head of keys and
// values for all queries.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gpt2.h"

namespace abstractllm::models {

namespace {

// Rows of c_attn that make part 0, 1 or 2: with one head of keys and values
// the parts follow each other; else each head has its three together.
std::vector<std::int32_t> rows_of(const DenseConfig& config, int part) {
  const int size = config.head_dim;
  const int heads = config.num_attention_heads;
  if (config.num_key_value_heads == 1) {
    std::vector<std::int32_t> rows;
    const int first = part == 0 ? 0 : (heads + part - 1) * size;
    const int count = part == 0 ? heads * size : size;
    for (int i = 0; i < count; ++i) rows.push_back(first + i);
    return rows;
  }
  return head_rows(heads, 3 * size, part * size, size);
}

ops::AttentionBlock read_attention(const WeightReader& weights,
                                   const DenseConfig& config, float scale,
                                   const std::string& prefix,
                                   ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  const int total = hidden + 2 * config.num_key_value_heads * config.head_dim;
  const auto part = [&](int index) {
    return weights.pick_linear(prefix + "attn.c_attn", total, hidden,
                               rows_of(config, index), Bias::kRequired);
  };
  return {.frame = std::move(frame),
          .spec = ops::AttentionSpec{.heads = config.num_attention_heads,
                                     .kv_heads = config.num_key_value_heads,
                                     .head_dim = config.head_dim,
                                     .scale = scale,
                                     .rope = {}},
          .query = part(0),
          .key = part(1),
          .value = part(2),
          .output = weights.linear(prefix + "attn.c_proj", hidden, hidden,
                                   Bias::kRequired)};
}

}  // namespace

std::unique_ptr<Model> make_gpt_bigcode(const ModelSource& source) {
  DenseConfig config = read_gpt2_config(source.config);
  if (flag_or(source.config, "multi_query", true)) {
    config.num_key_value_heads = 1;
  }
  const float scale = gpt2_score_scale(source.config, config);
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names = gpt2_names("transformer.");
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_attention(weights, config, scale, prefix, std::move(frame));
  };
  traits.feed_forward = plain_mlps(config, "mlp.c_fc", "mlp.c_proj");
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.positions = read_gpt2_positions(source, config, "transformer.");
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
