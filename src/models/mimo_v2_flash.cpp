// MiMo V2 Flash: layers with a window, sinks and more keys among those that see
// all; values smaller than keys; experts by corrected sigmoids.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

constexpr double kTurnedShare = 0.334;

struct Config {
  DenseConfig dense;
  int value_dim = 0;
  int sliding_kv_heads = 0;
  float value_scale = 1;
  ops::RopeTable global;
  ops::RopeTable local;
};

// Transformers' layer_types, or the published hybrid_layer_pattern.
std::vector<int> read_layer_windows(const io::JsonConfig& config, int layers) {
  const int window = config.has("sliding_window_size")
                         ? require_size(config, "sliding_window_size") + 1
                         : size_or(config, "sliding_window", 129);
  const auto types = config.find_strings("layer_types");
  const auto pattern = config.find_ints("hybrid_layer_pattern");
  std::vector<int> windows;
  for (int i = 0; i < layers; ++i) {
    const auto at = static_cast<std::size_t>(i);
    bool slides = i > 0 && (i + 1) % 6 != 0;
    if (types && at < types->size()) {
      slides = (*types)[at] == "sliding_attention";
    } else if (pattern && at < pattern->size()) {
      slides = (*pattern)[at] == 1;
    }
    windows.push_back(slides ? window : 0);
  }
  return windows;
}

ops::RopeTable read_turns(const io::JsonConfig& config, const char* kind,
                          const char* field, double theta, int head_dim) {
  double share =
      config.find_number("partial_rotary_factor").value_or(kTurnedShare);
  const auto parameters = config.find_object("rope_parameters");
  if (parameters && parameters->is_object(kind)) {
    share = parameters->require_object(kind)
                .find_number("partial_rotary_factor")
                .value_or(share);
  }
  const bool is_share = share >= 0 && share <= 1;
  const int dims = is_share ? static_cast<int>(head_dim * share) : 0;
  if (!is_share || dims + dims % 2 > head_dim) {
    throw ModelLoadingError(
        "[config] partial_rotary_factor is " + std::to_string(share) +
        ", expected a share of head_dim (" + std::to_string(head_dim) + ")");
  }
  const RopeDefaults defaults{
      .theta = config.find_number(field).value_or(theta), .dims = dims};
  const auto own = find_layer_rope(config, kind, defaults);
  return own ? *own : plain_rope(defaults);
}

Config read_config(const io::JsonConfig& config) {
  const bool published = config.has("layernorm_epsilon");
  Config read{
      .dense = read_dense_config(
          config, {.partial_rotary_factor = kTurnedShare,
                   .norm_eps = published ? "layernorm_epsilon" : "rms_norm_eps",
                   .norm_eps_value = 1e-5,
                   .head_dim = 192})};
  DenseConfig& dense = read.dense;
  dense.windows = read_layer_windows(config, dense.num_hidden_layers);
  read.value_dim = size_or(config, "v_head_dim", 128);
  if (read.value_dim > dense.head_dim) {
    throw ModelLoadingError(
        "[config] v_head_dim (" + std::to_string(read.value_dim) +
        ") is larger than head_dim (" + std::to_string(dense.head_dim) + ")");
  }
  read.sliding_kv_heads =
      size_or(config, "swa_num_key_value_heads", 2 * dense.num_key_value_heads);
  if (dense.num_attention_heads % read.sliding_kv_heads != 0) {
    throw ModelLoadingError("[config] num_attention_heads (" +
                            std::to_string(dense.num_attention_heads) +
                            ") is no multiple of the " +
                            std::to_string(read.sliding_kv_heads) +
                            " heads of keys of layers with a window");
  }
  // A constant factor of the values is one of what attention gives.
  read.value_scale = config.is_null("attention_value_scale")
                         ? 1
                         : number_or(config, "attention_value_scale", 0.707);
  read.global = read_turns(config, "full_attention", "rope_theta", 5000000,
                           dense.head_dim);
  read.local = read_turns(config, "sliding_attention", "swa_rope_theta", 10000,
                          dense.head_dim);
  return read;
}

ops::AttentionBlock read_heads(const WeightReader& weights,
                               const Config& config, const std::string& prefix,
                               int index, ops::ResidualFrame frame) {
  const DenseConfig& dense = config.dense;
  const int hidden = dense.hidden_size;
  const int heads = dense.num_attention_heads;
  const int window = dense.windows[static_cast<std::size_t>(index)];
  const int kv_heads =
      window > 0 ? config.sliding_kv_heads : dense.num_key_value_heads;
  const auto linear = [&](const char* name, int outputs, int inputs) {
    return weights.linear(prefix + name, outputs, inputs, Bias::kIfPresent);
  };
  frame.scale = config.value_scale;
  ops::AttentionBlock block{
      .frame = std::move(frame),
      .spec =
          ops::AttentionSpec{
              .heads = heads,
              .kv_heads = kv_heads,
              .head_dim = dense.head_dim,
              .value_dim = config.value_dim,
              .scale = 1.0f / std::sqrt(static_cast<float>(dense.head_dim)),
              .window = window,
              .rope = window > 0 ? config.local : config.global},
      .query = linear("q_proj", heads * dense.head_dim, hidden),
      .key = linear("k_proj", kv_heads * dense.head_dim, hidden),
      .value = linear("v_proj", kv_heads * config.value_dim, hidden),
      .output = weights.linear(prefix + "o_proj", hidden,
                               heads * config.value_dim, Bias::kNone)};
  for (const char* name : {"sinks", "attention_sink_bias"}) {
    if (!weights.has_vector(prefix + name)) continue;
    block.spec.sinks = ops::make_floats(weights.vector(prefix + name, heads));
  }
  return block;
}

// mlp_layer_types, or the published moe_layer_freq: one number a layer.
bool has_own_experts(const io::JsonConfig& config, int layer) {
  const auto counts = config.find_ints("moe_layer_freq");
  if (!config.has("mlp_layer_types") && counts &&
      static_cast<std::size_t>(layer) < counts->size()) {
    return (*counts)[static_cast<std::size_t>(layer)] != 0;
  }
  return is_sparse(config, layer, 1);
}

}  // namespace

std::unique_ptr<Model> make_mimo_v2_flash(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const Config config = read_config(fields);
  MoeConfig moe{
      .experts = require_size(fields, "n_routed_experts"),
      .intermediate_size = require_size(fields, "moe_intermediate_size"),
      .router = {.chosen = require_size(fields, "num_experts_per_tok"),
                 .score = ops::RouterScore::kSigmoid,
                 .normalise = flag_or(fields, "norm_topk_prob", true),
                 .scale = number_or(fields, "routed_scaling_factor", 1)}};
  read_router_groups(fields, moe.router);
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    return read_heads(weights, config, prefix + "self_attn.", index,
                      std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config.dense, traits, moe,
                             has_own_experts(fields, index), prefix + "mlp.",
                             std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config.dense, traits));
}

}  // namespace abstractllm::models
