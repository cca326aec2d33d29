// Llama 3.2 Vision: Llama 3 with layers between its own that look at images
// beside the text, behind gates; texts without images pass them by.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

namespace {

// Rows of the embedding behind the vocabulary, for tokens that are not said.
constexpr int kExtraTokens = 8;
constexpr int kImageToken = 128256;  // where the config does not say it

ops::CrossAttentionBlock read_cross_attention(const WeightReader& weights,
                                              const DenseConfig& config,
                                              const std::string& layer,
                                              int index,
                                              ops::ResidualFrame frame) {
  const std::string prefix = layer + "cross_attn.";
  const int width = config.num_attention_heads * config.head_dim;
  frame.scale = weights.tanh_gate(layer + "cross_attn_attn_gate");
  return {
      .frame = std::move(frame),
      .spec = {.heads = config.num_attention_heads,
               .kv_heads = config.num_key_value_heads,
               .head_dim = config.head_dim,
               .scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim)),
               .rope = {}},
      .query = weights.linear(prefix + "q_proj", width, config.hidden_size,
                              Bias::kNone),
      .output = weights.linear(prefix + "o_proj", config.hidden_size, width,
                               Bias::kNone),
      .query_norm = weights.norm(ops::NormKind::kRms, prefix + "q_norm",
                                 config.head_dim, config.norm_eps),
      .index = index};
}

}  // namespace

std::unique_ptr<Model> make_mllama(const ModelSource& source) {
  const io::JsonConfig text = text_config(source.config);
  DenseConfig config = read_dense_config(text);
  config.embedding_rows = config.vocab_size + kExtraTokens;
  const std::vector<int> cross = cross_attention_layers(text);
  const auto place = [&cross](int index) {
    return std::lower_bound(cross.begin(), cross.end(), index);
  };
  const auto looks_beside = [&](int index) {
    return place(index) != cross.end() && *place(index) == index;
  };
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (looks_beside(index)) {
      return read_cross_attention(
          weights, config, prefix,
          static_cast<int>(place(index) - cross.begin()), std::move(frame));
    }
    return read_attention(weights, config, traits,
                          prefix + traits.names.attention, index,
                          std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    if (looks_beside(index)) {
      frame.scale = weights.tanh_gate(prefix + "cross_attn_mlp_gate");
    }
    return read_gated_mlp(weights, config, traits, prefix + traits.names.mlp,
                          std::move(frame));
  };
  DecoderParts parts = read_dense_parts(
      {text, source.weights, source.backend, source.on_progress}, config,
      traits);
  const auto token = source.config.find_int("image_token_index");
  parts.image_token =
      token ? static_cast<std::int32_t>(*token)
            : size_or(source.config, "image_token_id", kImageToken);
  if (parts.image_token < 0 || parts.image_token >= config.embedding_rows) {
    throw ModelLoadingError(
        "[config] image_token_index is " + std::to_string(parts.image_token) +
        ", expected " + "one of the " + std::to_string(config.embedding_rows) +
        " rows of the embedding");
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
