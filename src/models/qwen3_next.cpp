// Qwen 3 Next: three layers of linear attention by the gated delta rule to one
// of gated attention, experts with one that all tokens go through.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

bool attends(const io::JsonConfig& config, int layer) {
  const auto types = config.find_strings("layer_types");
  if (types && static_cast<std::size_t>(layer) < types->size()) {
    return (*types)[layer] == "full_attention";
  }
  return (layer + 1) % size_or(config, "full_attention_interval", 4) == 0;
}

ops::DeltaRuleSpec read_spec(const io::JsonConfig& config) {
  const ops::DeltaRuleSpec spec{
      .key_heads = require_size(config, "linear_num_key_heads"),
      .value_heads = require_size(config, "linear_num_value_heads"),
      .key_dim = require_size(config, "linear_key_head_dim"),
      .value_dim = require_size(config, "linear_value_head_dim")};
  if (spec.value_heads % spec.key_heads != 0) {
    throw ModelLoadingError("[config] linear_num_value_heads (" +
                            std::to_string(spec.value_heads) +
                            ") is no multiple of linear_num_key_heads (" +
                            std::to_string(spec.key_heads) + ")");
  }
  return spec;
}

// The checkpoint has all of one key head together: its query, its key, then
// the values and the gates of the value heads that share it.
std::vector<std::int32_t> input_rows(const ops::DeltaRuleSpec& spec) {
  const int values = spec.values() / spec.key_heads;
  const int size = 2 * spec.key_dim + 2 * values;
  std::vector<std::int32_t> rows;
  const auto add = [&](int first, int count) {
    const auto part = head_rows(spec.key_heads, size, first, count);
    rows.insert(rows.end(), part.begin(), part.end());
  };
  add(0, spec.key_dim);
  add(spec.key_dim, spec.key_dim);
  add(2 * spec.key_dim, values);
  add(2 * spec.key_dim + values, values);
  return rows;
}

// Corrections, then rates.
std::vector<std::int32_t> rate_rows(const ops::DeltaRuleSpec& spec) {
  const int shared = spec.value_heads / spec.key_heads;
  auto rows = head_rows(spec.key_heads, 2 * shared, 0, shared);
  const auto rates = head_rows(spec.key_heads, 2 * shared, shared, shared);
  rows.insert(rows.end(), rates.begin(), rates.end());
  return rows;
}

ops::DeltaRuleBlock read_delta_rule(const WeightReader& weights,
                                    const DenseConfig& config,
                                    const ops::DeltaRuleSpec& spec, int kernel,
                                    const std::string& module,
                                    ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  std::vector<float> decay = weights.vector(module + "A_log", spec.value_heads);
  for (float& value : decay) value = -std::exp(value);
  return {
      .frame = std::move(frame),
      .spec = spec,
      .input = weights.pick_linear(module + "in_proj_qkvz",
                                   spec.channels() + spec.values(), hidden,
                                   input_rows(spec), Bias::kNone),
      .rates = weights.pick_linear(module + "in_proj_ba", 2 * spec.value_heads,
                                   hidden, rate_rows(spec), Bias::kNone),
      .convolution =
          read_convolution(weights, module + "conv1d", spec.channels(), kernel),
      .step_bias = ops::make_floats(
          weights.vector(module + "dt_bias", spec.value_heads)),
      .decay = ops::make_floats(decay),
      .norm = weights.norm(ops::NormKind::kRms, module + "norm", spec.value_dim,
                           config.norm_eps),
      .output = weights.linear(module + "out_proj", hidden, spec.values(),
                               Bias::kNone)};
}

MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe;
  if (config.find_int("num_experts").value_or(0) == 0) return moe;
  moe.experts = require_size(config, "num_experts");
  moe.intermediate_size = require_size(config, "moe_intermediate_size");
  moe.router.chosen = require_size(config, "num_experts_per_tok");
  moe.router.normalise = config.find_bool("norm_topk_prob").value_or(true);
  moe.shared_intermediate_size =
      require_size(config, "shared_expert_intermediate_size");
  return moe;
}

// Published norms are stored as w - 1; mlx-lm adds the one.
float norm_offset(const ModelSource& source, int layers) {
  for (int i = 0; i < layers; ++i) {
    if (attends(source.config, i)) continue;
    const std::string module =
        "model.layers." + std::to_string(i) + ".linear_attn.conv1d";
    return is_converted_convolution(source.weights, module) ? 0.0f : 1.0f;
  }
  return 1.0f;
}

}  // namespace

std::unique_ptr<Model> make_qwen3_next(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.rope = {.theta = 10000}, .partial_rotary_factor = 0.25});
  const MoeConfig moe = read_moe_config(source.config);
  const ops::DeltaRuleSpec spec = read_spec(source.config);
  const int kernel = size_or(source.config, "linear_conv_kernel_dim", 4);
  DenseTraits traits{
      .query_key_norm = HeadNorm::kEachHead,
      .norm_offset = norm_offset(source, config.num_hidden_layers),
      .gated_attention = true};
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (attends(source.config, index)) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(frame));
    }
    return read_delta_rule(weights, config, spec, kernel,
                           prefix + "linear_attn.", std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(
        weights, config, traits, moe,
        moe.experts > 0 && has_experts(source.config, index), prefix + "mlp.",
        std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
