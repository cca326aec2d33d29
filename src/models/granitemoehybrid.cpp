// Granite 4: state space layers and attention under Granite's multipliers, with
// experts beside a shared unit, or that unit alone.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/granite.h"
#include "models/common/state_space.h"

namespace abstractllm::models {

namespace {

ops::StateSpaceSpec read_spec(const io::JsonConfig& config, int hidden) {
  const int heads = require_size(config, "mamba_n_heads");
  const int inner = size_or(config, "mamba_expand", 2) * hidden;
  const bool says_size =
      config.has("mamba_d_head") && !config.is_string("mamba_d_head");
  ops::StateSpaceSpec spec{
      .heads = heads,
      .head_dim =
          says_size ? require_size(config, "mamba_d_head") : inner / heads,
      .groups = size_or(config, "mamba_n_groups", 1),
      .state = require_size(config, "mamba_d_state")};
  read_step_limits(config, spec);
  return spec;
}

bool attends(const io::JsonConfig& config, int layer) {
  auto types = config.find_strings("layer_types");
  if (!types) types = config.find_strings("layers_block_type");
  if (!types) return false;
  if (static_cast<std::size_t>(layer) >= types->size()) {
    throw ModelLoadingError("[config] layer_types has " +
                            std::to_string(types->size()) +
                            " entries, expected one a layer");
  }
  const std::string& type = (*types)[static_cast<std::size_t>(layer)];
  return type == "attention" || type == "full_attention";
}

}  // namespace

std::unique_ptr<Model> make_granitemoehybrid(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(fields);
  if (fields.find_string("position_embedding_type").value_or("") != "rope") {
    config.rope = {};
  }
  const int hidden = config.hidden_size;
  const int inner = require_size(fields, "shared_intermediate_size");
  ops::StateSpaceSpec spec;
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    if (!attends(fields, i)) spec = read_spec(fields, hidden);
  }
  const StateSpaceLayout layout{.hidden_size = hidden,
                                .kernel = size_or(fields, "mamba_d_conv", 4),
                                .norm_eps = config.norm_eps,
                                .norm_groups = spec.groups};
  MoeConfig moe;
  if (count_experts(fields) > 0) {
    moe = {.experts = count_experts(fields),
           .intermediate_size = config.intermediate_size,
           .router = {.chosen = require_size(fields, "num_experts_per_tok"),
                      .normalise = true}};
  }
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (attends(fields, index)) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(frame));
    }
    return read_state_space(weights, spec, layout, prefix + "mamba.",
                            std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    ops::SharedExpert unit = read_granite_unit(weights, hidden, inner, prefix);
    if (moe.experts == 0) {
      return ops::MlpBlock{.frame = std::move(frame),
                           .activation = config.activation,
                           .gate = std::move(unit.gate),
                           .up = std::move(unit.up),
                           .down = std::move(unit.down)};
    }
    ops::MoeBlock block = read_granite_moe(
        weights, config, moe, prefix + "block_sparse_moe.", std::move(frame));
    block.shared = std::move(unit);
    return block;
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  apply_granite_multipliers(fields, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
