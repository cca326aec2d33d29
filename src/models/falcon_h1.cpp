// Falcon H1: a state space beside the attention of each layer, multipliers
// everywhere.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/dense_decoder.h"
#include "models/common/state_space.h"

namespace abstractllm::models {

namespace {

// mlx-lm multiplies most of these into the weights when it converts.
struct Multipliers {
  float attention_in = 1;
  float attention_out = 1;
  float key = 1;
  float space_in = 1;
  float space_out = 1;
  std::vector<float> space = {1, 1, 1, 1, 1};  // gate, x, b, c, step
  float mlp_gate = 1;
  float mlp_down = 1;
  float embedding = 1;
  float head = 1;
};

std::vector<float> read_list(const io::JsonConfig& config, const char* field,
                             std::size_t size) {
  const auto stored = config.find_numbers(field);
  if (!stored) return std::vector<float>(size, 1.0f);
  if (stored->size() != size) {
    throw ModelLoadingError("[config] " + std::string(field) + " has " +
                            std::to_string(stored->size()) +
                            " values, expected " + std::to_string(size));
  }
  return {stored->begin(), stored->end()};
}

Multipliers read_multipliers(const io::JsonConfig& config, bool converted,
                             bool tied) {
  const auto read = [&](const char* field) {
    return number_or(config, field, 1);
  };
  Multipliers m;
  m.key = read("key_multiplier");
  if (converted) {
    // What it leaves out: the values' share of attention_in_multiplier. The
    // head is the embedding, where it is tied, and has that one's multiplier.
    m.attention_out = read("attention_in_multiplier");
    if (tied)
      m.head = read("lm_head_multiplier") / read("embedding_multiplier");
    return m;
  }
  m.attention_in = read("attention_in_multiplier");
  m.attention_out = read("attention_out_multiplier");
  m.space_in = read("ssm_in_multiplier");
  m.space_out = read("ssm_out_multiplier");
  m.space = read_list(config, "ssm_multipliers", 5);
  const std::vector<float> mlp = read_list(config, "mlp_multipliers", 2);
  m.mlp_gate = mlp[0];
  m.mlp_down = mlp[1];
  m.embedding = read("embedding_multiplier");
  m.head = read("lm_head_multiplier");
  return m;
}

ops::StateSpaceSpec read_spec(const io::JsonConfig& config, int hidden,
                              const Multipliers& multipliers) {
  const double expand = config.find_number("mamba_expand").value_or(2);
  const int inner =
      size_or(config, "mamba_d_ssm", static_cast<int>(expand * hidden));
  ops::StateSpaceSpec spec{
      .heads = require_size(config, "mamba_n_heads"),
      .head_dim = 0,
      .groups = size_or(config, "mamba_n_groups", 1),
      .state = require_size(config, "mamba_d_state"),
      .gate_scale = multipliers.space[0],
      .step_scale = multipliers.space[4],
      .gates_norm = flag_or(config, "mamba_norm_before_gate", true)};
  if (inner % spec.heads != 0) {
    throw ModelLoadingError("[config] mamba_d_ssm (" + std::to_string(inner) +
                            ") is no multiple of mamba_n_heads (" +
                            std::to_string(spec.heads) + ")");
  }
  spec.head_dim = inner / spec.heads;
  read_step_limits(config, spec);
  return spec;
}

StateSpaceLayout read_layout(const io::JsonConfig& config,
                             const DenseConfig& sizes,
                             const ops::StateSpaceSpec& spec,
                             const Multipliers& multipliers) {
  StateSpaceLayout layout{
      .hidden_size = sizes.hidden_size,
      .kernel = size_or(config, "mamba_d_conv", 4),
      .norm_eps = sizes.norm_eps,
      .has_norm = config.find_bool("mamba_rms_norm").value_or(false),
      .norm_groups = spec.groups};
  std::vector<float>& scales = layout.channel_scales;
  const int shared = spec.groups * spec.state;
  scales.assign(spec.inner(), multipliers.space[1]);
  scales.insert(scales.end(), shared, multipliers.space[2]);
  scales.insert(scales.end(), shared, multipliers.space[3]);
  return layout;
}

// The gate's multiplier goes through the norm to the up rows, too, and is taken
// out of the result: the biases have to get it by themselves.
void scale_biases(const WeightReader& weights, const std::string& prefix,
                  float scale, ops::MlpBlock& block) {
  const auto scaled = [&](const char* name, const ops::Linear& layer) {
    std::vector<float> bias =
        weights.vector(prefix + name + ".bias", layer.outputs());
    for (float& value : bias) value *= scale;
    return ops::Linear(layer.outputs(), layer.inputs(), layer.backend(),
                       layer.storage(),
                       ops::make_vector(layer.backend(), bias));
  };
  block.gate = scaled("gate_proj", *block.gate);
  block.up = scaled("up_proj", block.up);
  block.down = scaled("down_proj", block.down);
}

}  // namespace

std::unique_ptr<Model> make_falcon_h1(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config =
      read_dense_config(fields, {.norm_eps_value = 1e-5});
  const WeightReader reader(source.weights, source.backend);
  const Multipliers multipliers = read_multipliers(
      fields,
      is_converted_convolution(source.weights, "model.layers.0.mamba.conv1d"),
      fields.find_bool("tie_word_embeddings").value_or(false));
  const ops::StateSpaceSpec spec =
      read_spec(fields, config.hidden_size, multipliers);
  const StateSpaceLayout layout =
      read_layout(fields, config, spec, multipliers);
  const auto scaled_norm = [&](const std::string& module, float scale) {
    return reader.norm(ops::NormKind::kRms, module, config.hidden_size,
                       config.norm_eps, 0, scale);
  };
  DenseTraits traits;
  traits.names.final_norm = "model.final_layernorm";
  traits.names.before_mlp = "pre_ff_layernorm";
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    frame.before =
        scaled_norm(prefix + "input_layernorm", multipliers.attention_in);
    frame.scale = multipliers.attention_out;
    ops::AttentionBlock block =
        read_attention(weights, config, traits, prefix + "self_attn.", index,
                       std::move(frame));
    block.spec.scale *= multipliers.key;
    return block;
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    frame.before =
        scaled_norm(prefix + "pre_ff_layernorm", multipliers.mlp_gate);
    frame.scale = multipliers.mlp_down / multipliers.mlp_gate;
    const std::string module = prefix + "feed_forward.";
    ops::MlpBlock block =
        read_gated_mlp(weights, config, traits, module, std::move(frame));
    if (fields.find_bool("mlp_bias").value_or(false)) {
      scale_biases(weights, module, multipliers.mlp_gate, block);
    }
    return block;
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (std::size_t i = 0; i < parts.layers.size(); ++i) {
    const std::string prefix = traits.names.layers + std::to_string(i) + ".";
    ops::ResidualFrame frame{
        .before = scaled_norm(prefix + "input_layernorm", multipliers.space_in),
        .scale = multipliers.space_out};
    parts.layers[i].beside = read_state_space(
        reader, spec, layout, prefix + "mamba.", std::move(frame));
  }
  parts.embedding_scale = multipliers.embedding;
  parts.logit_scale = multipliers.head;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
