// Mamba 1 and Falcon Mamba: selective state spaces and nothing else.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"
#include "models/common/selective_scan.h"

namespace abstractllm::models {

namespace {

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  require_silu(config, "hidden_act");
  read.hidden_size = require_size(config, "hidden_size");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  return read;
}

SelectiveScanSizes read_sizes(const io::JsonConfig& config, int hidden) {
  SelectiveScanSizes sizes{
      .hidden_size = hidden,
      .inner = size_or(config, "intermediate_size",
                       size_or(config, "expand", 2) * hidden),
      .state = size_or(config, "state_size", 16),
      .rank = read_step_rank(config, "time_step_rank", hidden),
      .kernel = size_or(config, "conv_kernel", 4)};
  // Falcon Mamba divides the step, b and c by their root mean squares.
  if (config.find_string("model_type") == "falcon_mamba") {
    sizes.selection_eps = number_or(config, "mixer_rms_eps", 1e-6);
  }
  return sizes;
}

}  // namespace

std::unique_ptr<Model> make_mamba(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const SelectiveScanSizes sizes =
      read_sizes(source.config, config.hidden_size);
  DenseTraits traits;
  traits.names = {.embedding = "backbone.embeddings",
                  .layers = "backbone.layers.",
                  .final_norm = "backbone.norm_f",
                  .before_attention = "norm",
                  .before_mlp = ""};
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_selective_scan(weights, sizes, prefix + "mixer.",
                               std::move(frame));
  };
  traits.feed_forward = [](const WeightReader&, const std::string&, int,
                           ops::ResidualFrame) -> FeedForward {
    return std::monostate();
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
