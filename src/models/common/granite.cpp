// Multipliers on the branches of finished parts.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/granite.h"

#include <string>
#include <type_traits>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

void apply_granite_multipliers(const io::JsonConfig& config,
                               DecoderParts& parts) {
  parts.embedding_scale = number_or(config, "embedding_multiplier", 1);
  parts.logit_scale = 1.0f / number_or(config, "logits_scaling", 1);
  const float residual = number_or(config, "residual_multiplier", 1);
  const float scores = number_or(config, "attention_multiplier", 1);
  const auto scale = [&](auto& block) {
    using Block = std::decay_t<decltype(block)>;
    if constexpr (!std::is_same_v<Block, std::monostate>) {
      block.frame.scale = residual;
    }
    if constexpr (std::is_same_v<Block, ops::AttentionBlock>) {
      block.spec.scale = scores;
    }
  };
  for (DecoderLayer& layer : parts.layers) {
    std::visit(scale, layer.mixer);
    std::visit(scale, layer.feed_forward);
  }
}

DenseConfig read_granite_window_config(const io::JsonConfig& config,
                                       double eps) {
  constexpr int kWindow = 128;
  DenseConfig read = read_dense_config(
      config, {.norm_eps_value = eps, .sliding_window = kWindow});
  if (!config.has("layer_types")) {
    for (std::size_t i = 0; i < read.windows.size(); i += 4) {
      read.windows[i] = 0;
    }
  }
  return read;
}

void apply_granite_windows(const ModelSource& source, const DenseConfig& config,
                           DecoderParts& parts) {
  const WeightReader weights(source.weights, source.backend);
  const auto bases = source.config.find_numbers("layer_rope_theta");
  if (bases && bases->size() < parts.layers.size()) {
    throw ModelLoadingError(
        "[config] layer_rope_theta has " + std::to_string(bases->size()) +
        " entries, expected " + std::to_string(parts.layers.size()));
  }
  const auto rope_of = [&](double base) -> ops::RopeTable {
    if (base == 0) return {};
    const io::JsonConfig own = io::JsonConfig::parse(
        "{\"rope_theta\": " + std::to_string(base) + "}", "layer_rope_theta");
    const auto shared = find_rope_scaling(source.config);
    return read_rope_parameters(source.config,
                                shared ? own.with_defaults(*shared) : own,
                                {.dims = config.head_dim});
  };
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    const std::string layer = "model.layers." + std::to_string(index);
    block.spec.sinks = ops::make_floats(
        weights.vector(layer + ".self_attn.sinks", config.num_attention_heads));
    if (bases) {
      block.spec.rope = rope_of((*bases)[static_cast<std::size_t>(index)]);
    }
  });
}

ops::MoeBlock read_granite_moe(const WeightReader& weights,
                               const DenseConfig& config, const MoeConfig& moe,
                               const std::string& prefix,
                               ops::ResidualFrame frame) {
  check_router(moe);
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const std::string split = prefix + "switch_mlp.";
  // What transformers 5 calls them of newer families.
  const bool renamed = weights.has_matrix(prefix + "experts.gate_up_proj");
  const char* input = renamed ? "experts.gate_up_proj" : "input_linear";
  const char* output = renamed ? "experts.down_proj" : "output_linear";
  const char* router =
      weights.has_matrix(prefix + "router") ? "router" : "router.layer";
  const bool is_split = weights.has_matrix(split + "gate_proj");
  const auto rows = [&](const char* name, const char* stack, int count,
                        int first, int outputs, int inputs) {
    return is_split ? weights.expert_rows(split + name, moe.experts, outputs, 0,
                                          outputs, inputs)
                    : weights.expert_rows(prefix + stack, moe.experts, count,
                                          first, outputs, inputs);
  };
  return {.frame = std::move(frame),
          .router =
              weights.linear(prefix + router, moe.experts, hidden, Bias::kNone),
          .spec = moe.router,
          .activation = config.activation,
          .gate = rows("gate_proj", input, 2 * inner, 0, inner, hidden),
          .up = rows("up_proj", input, 2 * inner, inner, inner, hidden),
          .down = rows("down_proj", output, hidden, 0, hidden, inner)};
}

ops::SharedExpert read_granite_unit(const WeightReader& weights, int hidden,
                                    int inner, const std::string& prefix) {
  const std::string split = prefix + "mlp.";
  if (weights.has_matrix(split + "gate_proj")) {
    return {
        .gate = weights.linear(split + "gate_proj", inner, hidden, Bias::kNone),
        .up = weights.linear(split + "up_proj", inner, hidden, Bias::kNone),
        .down =
            weights.linear(split + "down_proj", hidden, inner, Bias::kNone)};
  }
  const std::vector<ops::Linear> inputs = weights.split_linear(
      prefix + "shared_mlp.input_linear", {inner, inner}, hidden, Bias::kNone);
  return {.gate = inputs[0],
          .up = inputs[1],
          .down = weights.linear(prefix + "shared_mlp.output_linear", hidden,
                                 inner, Bias::kNone)};
}

}  // namespace abstractllm::models
