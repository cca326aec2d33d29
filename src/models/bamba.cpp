// Bamba: state space layers, and attention that turns half of a head in a few.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"
#include "models/common/state_space.h"

namespace abstractllm::models {

namespace {

ops::StateSpaceSpec read_spec(const io::JsonConfig& config, int hidden) {
  const int heads = size_or(config, "mamba_n_heads", 128);
  const int inner = size_or(config, "mamba_expand", 2) * hidden;
  ops::StateSpaceSpec spec{
      .heads = heads,
      .head_dim = config.is_string("mamba_d_head")
                      ? inner / heads
                      : size_or(config, "mamba_d_head", inner / heads),
      .groups = size_or(config, "mamba_n_groups", 1),
      .state = size_or(config, "mamba_d_state", 256)};
  read_step_limits(config, spec);
  return spec;
}

bool attends(const io::JsonConfig& config, int layer) {
  const auto layers = config.find_ints("attn_layer_indices");
  return layers &&
         std::find(layers->begin(), layers->end(), layer) != layers->end();
}

}  // namespace

std::unique_ptr<Model> make_bamba(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(
      fields, {.partial_rotary_factor = 0.5, .norm_eps_value = 1e-5});
  const ops::StateSpaceSpec spec = read_spec(fields, config.hidden_size);
  const StateSpaceLayout layout{.hidden_size = config.hidden_size,
                                .kernel = size_or(fields, "mamba_d_conv", 4),
                                .norm_eps = config.norm_eps,
                                .norm_groups = spec.groups};
  DenseTraits traits;
  traits.names.final_norm = "model.final_layernorm";
  traits.names.before_mlp = "pre_ff_layernorm";
  traits.names.mlp = "feed_forward.";
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
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
