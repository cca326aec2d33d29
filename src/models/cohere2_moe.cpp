// Command A with experts: Cohere 2's layers, the first ones dense.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/cohere.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

// The dense layers at the beginning have a pattern of their own.
std::vector<int> read_layer_windows(const io::JsonConfig& config, int layers) {
  if (config.has("layer_types")) return read_windows(config, layers, 4, 4096);
  const auto first = config.find_int("first_k_dense_replace").value_or(0);
  const int prefix = size_or(config, "prefix_dense_sliding_window_pattern", 1);
  const int pattern = size_or(config, "sliding_window_pattern", 4);
  const int window = config.is_null("sliding_window")
                         ? 0
                         : size_or(config, "sliding_window", 4096);
  std::vector<int> windows;
  for (int i = 0; i < layers; ++i) {
    const bool slides =
        i < first ? (i + 1) % prefix != 0 : (i - first + 1) % pattern != 0;
    windows.push_back(slides ? window : 0);
  }
  return windows;
}

ops::RouterSpec read_router(const io::JsonConfig& config) {
  ops::RouterSpec router{.chosen = size_or(config, "num_experts_per_tok", 2),
                         .normalise = true};
  const std::string function =
      config.find_string("expert_selection_fn").value_or("softmax");
  if (function == "sigmoid") {
    router.score = ops::RouterScore::kSigmoid;
    router.normalise = flag_or(config, "norm_topk_prob", true);
  } else if (function != "softmax") {
    throw ModelLoadingError(
        "[config] expert_selection_fn '" + function + "' is not supported",
        "Supported: sigmoid, softmax.");
  }
  return router;
}

// What the sum of chosen and shared experts is multiplied by.
float combination_scale(const io::JsonConfig& config) {
  const std::string strategy =
      config.find_string("shared_expert_combination_strategy")
          .value_or("average");
  if (strategy == "average") return 0.5f;
  if (strategy == "sum") return 1.0f;
  throw ModelLoadingError("[config] shared_expert_combination_strategy '" +
                              strategy + "' is not supported",
                          "Supported: average, sum.");
}

}  // namespace

std::unique_ptr<Model> make_cohere2_moe(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const bool rms = fields.has("rms_norm_eps");
  // The reference does not read rope_scaling here.
  DenseConfig config =
      read_dense_config(fields.with_field("rope_scaling", "null"),
                        {.rope = {.interleaved = true},
                         .norm_eps = rms ? "rms_norm_eps" : "layer_norm_eps",
                         .norm_eps_value = 1e-5,
                         .head_dim = 128});
  config.windows = read_layer_windows(fields, config.num_hidden_layers);
  const MoeConfig moe{
      .experts = fields.has("num_experts") ? require_experts(fields) : 8,
      .intermediate_size = config.intermediate_size,
      .router = read_router(fields),
      .shared_intermediate_size = shared_width(fields, "num_shared_experts",
                                               config.intermediate_size, 0),
      .shared_name = "shared_experts"};
  DenseConfig dense = config;
  dense.intermediate_size = size_or(fields, "prefix_dense_intermediate_size",
                                    config.intermediate_size);
  DenseTraits traits{.norm = rms ? ops::NormKind::kRms : ops::NormKind::kLayer};
  traits.names.before_mlp = "input_layernorm";
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    const std::string module = prefix + "mlp.";
    if (!is_sparse(fields, index, 0)) {
      return read_gated_mlp(weights, dense, traits, module, std::move(frame));
    }
    if (moe.shared_intermediate_size > 0)
      frame.scale = combination_scale(fields);
    return read_moe(weights, config, moe, module, std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = true;
  parts.logit_scale = number_or(fields, "logit_scale", 0.0625);
  const bool dense_turn =
      size_or(fields, "prefix_dense_sliding_window_pattern", 1) == 1;
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    const bool turns = config.windows[static_cast<std::size_t>(index)] > 0 ||
                       (dense_turn && !is_sparse(fields, index, 0));
    if (!turns) block.spec.rope = {};
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
