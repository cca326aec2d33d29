// Jamba: Mamba's layers with norms of the step, b and c, attention without
// rotation in every eighth, experts in every second.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"
#include "models/common/selective_scan.h"

namespace abstractllm::models {

namespace {

// Layers `offset`, `offset` + `period`, ...
struct Pattern {
  int period = 1;
  int offset = 0;

  bool has(int layer) const { return layer % period == offset; }
};

// Of one field a layer, which GGUF files have, or else of the pattern.
bool is_kind(const io::JsonConfig& config, const char* field, const char* kind,
             const Pattern& pattern, int layer) {
  const auto kinds = config.find_strings(field);
  if (!kinds || static_cast<int>(kinds->size()) <= layer) {
    return pattern.has(layer);
  }
  return (*kinds)[static_cast<std::size_t>(layer)] == kind;
}

Pattern read_pattern(const io::JsonConfig& config, const std::string& kind,
                     int period, int offset) {
  const std::string field = kind + "_layer_offset";
  const Pattern pattern{
      .period = size_or(config, (kind + "_layer_period").c_str(), period),
      .offset = static_cast<int>(config.find_int(field).value_or(offset))};
  if (pattern.offset >= 0 && pattern.offset < pattern.period) return pattern;
  throw ModelLoadingError("[config] " + field + " is " +
                          std::to_string(pattern.offset) +
                          ", expected less than the period of " +
                          std::to_string(pattern.period) + " layers");
}

SelectiveScanSizes read_sizes(const io::JsonConfig& config,
                              const DenseConfig& dense) {
  const int hidden = dense.hidden_size;
  return {.hidden_size = hidden,
          .inner = size_or(config, "mamba_expand", 2) * hidden,
          .state = size_or(config, "mamba_d_state", 16),
          .rank = read_step_rank(config, "mamba_dt_rank", hidden),
          .kernel = size_or(config, "mamba_d_conv", 4),
          .selection_eps = dense.norm_eps};
}

}  // namespace

std::unique_ptr<Model> make_jamba(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(fields);
  config.rope = {};
  require_silu(fields, "hidden_act");
  const SelectiveScanSizes sizes = read_sizes(fields, config);
  const Pattern attention = read_pattern(fields, "attn", 8, 4);
  const Pattern sparse = read_pattern(fields, "expert", 2, 1);
  const MoeConfig moe{
      .experts = fields.has("num_experts") ? count_experts(fields) : 16,
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = size_or(fields, "num_experts_per_tok", 2)},
      .router_name = "router"};
  DenseTraits traits;
  traits.names.final_norm = "model.final_layernorm";
  traits.names.before_mlp = "pre_ff_layernorm";
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (is_kind(fields, "layer_types", "full_attention", attention, index)) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(frame));
    }
    return read_selective_scan(weights, sizes, prefix + "mamba.",
                               std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(
        weights, config, traits, moe,
        moe.experts > 1 &&
            is_kind(fields, "mlp_layer_types", "sparse", sparse, index),
        prefix + "feed_forward.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
