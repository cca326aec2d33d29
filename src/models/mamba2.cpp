// Mamba 2: state space layers and nothing else.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"
#include "models/common/state_space.h"

namespace abstractllm::models {

namespace {

ops::StateSpaceSpec read_spec(const io::JsonConfig& config) {
  ops::StateSpaceSpec spec{.heads = require_size(config, "num_heads"),
                           .head_dim = require_size(config, "head_dim"),
                           .groups = size_or(config, "n_groups", 8),
                           .state = size_or(config, "state_size", 128)};
  read_step_limits(config, spec);
  return spec;
}

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  return read;
}

}  // namespace

std::unique_ptr<Model> make_mamba2(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const ops::StateSpaceSpec spec = read_spec(source.config);
  const StateSpaceLayout layout{
      .hidden_size = config.hidden_size,
      .kernel = size_or(source.config, "conv_kernel", 4),
      .norm_eps = config.norm_eps,
      .norm_groups = spec.groups};
  DenseTraits traits;
  traits.names = {.embedding = "backbone.embeddings",
                  .layers = "backbone.layers.",
                  .final_norm = "backbone.norm_f",
                  .before_attention = "norm",
                  .after_attention = "",
                  .before_mlp = "",
                  .after_mlp = ""};
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_state_space(weights, spec, layout, prefix + "mixer.",
                            std::move(frame));
  };
  traits.feed_forward = [](const WeightReader&, const std::string&, int,
                           ops::ResidualFrame) -> FeedForward {
    return std::monostate();
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
