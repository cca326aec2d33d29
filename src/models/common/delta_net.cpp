// Reading of linear attention by the gated delta rule.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/delta_net.h"

#include <cmath>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"

namespace abstractllm::models {

namespace {

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

}  // namespace

bool sees_all(const io::JsonConfig& config, int layer) {
  const auto types = config.find_strings("layer_types");
  if (types && static_cast<std::size_t>(layer) < types->size()) {
    return (*types)[layer] == "full_attention";
  }
  return (layer + 1) % size_or(config, "full_attention_interval", 4) == 0;
}

ops::DeltaRuleSpec read_delta_rule_spec(const io::JsonConfig& config) {
  require_silu(config, "hidden_act");
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

ops::DeltaRuleBlock read_delta_rule(const WeightReader& weights,
                                    const DenseConfig& config,
                                    const ops::DeltaRuleSpec& spec, int kernel,
                                    const std::string& module,
                                    ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  // Qwen 3.5 has each part by itself, GGUF files of Qwen 3 Next the inputs.
  const bool fused = weights.has_matrix(module + "in_proj_qkvz");
  const bool fused_rates = weights.has_matrix(module + "in_proj_ba");
  std::vector<float> decay = weights.vector(module + "A_log", spec.value_heads);
  for (float& value : decay) value = -std::exp(value);
  return {
      .frame = std::move(frame),
      .spec = spec,
      .input = fused
                   ? weights.pick_linear(module + "in_proj_qkvz",
                                         spec.channels() + spec.values(),
                                         hidden, input_rows(spec), Bias::kNone)
                   : weights.stacked_linear(
                         {{module + "in_proj_qkv", spec.channels()},
                          {module + "in_proj_z", spec.values()}},
                         hidden),
      .rates = fused_rates ? weights.pick_linear(module + "in_proj_ba",
                                                 2 * spec.value_heads, hidden,
                                                 rate_rows(spec), Bias::kNone)
                           : weights.stacked_linear(
                                 {{module + "in_proj_b", spec.value_heads},
                                  {module + "in_proj_a", spec.value_heads}},
                                 hidden),
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

float delta_net_norm_offset(const ModelSource& source, int layers,
                            const std::string& prefix) {
  for (int i = 0; i < layers; ++i) {
    if (sees_all(source.config, i)) continue;
    const std::string module =
        prefix + std::to_string(i) + ".linear_attn.conv1d";
    return is_converted_convolution(source.weights, module) ? 0.0f : 1.0f;
  }
  return 1.0f;
}

}  // namespace abstractllm::models
