// Qwen 3.5's language model: Qwen 3 Next's layers with projections of their
// own, dense or with experts, alone or behind the text_config of a model for
// images.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/delta_net.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe;
  moe.experts = count_experts(config);
  if (moe.experts == 0) return moe;
  moe.intermediate_size = require_size(config, "moe_intermediate_size");
  moe.router = {.chosen = require_size(config, "num_experts_per_tok"),
                .normalise = true};
  moe.shared_intermediate_size =
      require_size(config, "shared_expert_intermediate_size");
  return moe;
}

// All positions of a text are the same in time, height and width, so that the
// axes of the rotation do not matter.
std::unique_ptr<Model> make_text_model(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  // The dense class knows no experts, whatever its config says of them.
  const bool dense = fields.find_string("model_type") == "qwen3_5_text";
  const MoeConfig moe = dense ? MoeConfig() : read_moe_config(fields);
  DenseConfig config =
      read_dense_config(fields, {.partial_rotary_factor = 0.25,
                                 .dense_layers = moe.experts == 0,
                                 .head_dim = 256});
  config.rope.axes.clear();
  const ops::DeltaRuleSpec spec = read_delta_rule_spec(fields);
  const int kernel = size_or(fields, "linear_conv_kernel_dim", 4);
  const std::string root =
      language_prefix(WeightReader(source.weights, source.backend));
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead,
                     .norm_offset = delta_net_norm_offset(
                         source, config.num_hidden_layers, root + "layers."),
                     .gated_attention = true};
  traits.names.embedding = root + "embed_tokens";
  traits.names.layers = root + "layers.";
  traits.names.final_norm = root + "norm";
  if (root == "language_model.model.") {
    traits.names.head = "language_model.lm_head";
  }
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (sees_all(fields, index)) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(frame));
    }
    return read_delta_rule(weights, config, spec, kernel,
                           prefix + "linear_attn.", std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config, traits, moe, moe.experts > 0,
                             prefix + "mlp.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace

std::unique_ptr<Model> make_qwen3_5(const ModelSource& source) {
  if (!source.config.is_object("text_config")) return make_text_model(source);
  pass_over(source.weights,
            {"model.visual.", "vision_tower.", "visual.", "model.mtp."});
  io::JsonConfig text = source.config.require_object("text_config");
  if (!text.has("tie_word_embeddings") &&
      source.config.has("tie_word_embeddings")) {
    text = text.with_field("tie_word_embeddings",
                           *source.config.find_json("tie_word_embeddings"));
  }
  return make_text_model(
      {text, source.weights, source.backend, source.on_progress});
}

}  // namespace abstractllm::models
