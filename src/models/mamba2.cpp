// Mamba 2: state space layers and nothing else.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

ops::StateSpaceSpec read_spec(const io::JsonConfig& config) {
  ops::StateSpaceSpec spec{.heads = require_size(config, "num_heads"),
                           .head_dim = require_size(config, "head_dim"),
                           .groups = size_or(config, "n_groups", 1),
                           .state = require_size(config, "state_size")};
  spec.largest_step = std::numeric_limits<float>::infinity();
  const auto limits = config.find_numbers("time_step_limit");
  if (limits && limits->size() == 2) {
    spec.least_step = static_cast<float>((*limits)[0]);
    spec.largest_step = static_cast<float>((*limits)[1]);
  }
  if (spec.heads % spec.groups != 0) {
    throw ModelLoadingError(
        "[config] num_heads (" + std::to_string(spec.heads) +
        ") is no multiple of n_groups (" + std::to_string(spec.groups) + ")");
  }
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

ops::StateSpaceBlock read_mixer(const WeightReader& weights,
                                const DenseConfig& config,
                                const ops::StateSpaceSpec& spec, int kernel,
                                const std::string& module,
                                ops::ResidualFrame frame) {
  const int inner = spec.inner();
  const int channels = inner + 2 * spec.groups * spec.state;
  const int hidden = config.hidden_size;
  std::vector<float> decay = weights.vector(module + "A_log", spec.heads);
  for (float& value : decay) value = -std::exp(value);
  return {
      .frame = std::move(frame),
      .spec = spec,
      .input = weights.linear(module + "in_proj", inner + channels + spec.heads,
                              hidden, Bias::kIfPresent),
      .convolution =
          read_convolution(weights, module + "conv1d", channels, kernel),
      .step_bias =
          ops::make_floats(weights.vector(module + "dt_bias", spec.heads)),
      .decay = ops::make_floats(decay),
      .skip = ops::make_floats(weights.vector(module + "D", spec.heads)),
      .norm = weights.norm(ops::NormKind::kRms, module + "norm", inner,
                           config.norm_eps),
      .output =
          weights.linear(module + "out_proj", hidden, inner, Bias::kIfPresent)};
}

}  // namespace

std::unique_ptr<Model> make_mamba2(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const ops::StateSpaceSpec spec = read_spec(source.config);
  const int kernel = size_or(source.config, "conv_kernel", 4);
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
    return read_mixer(weights, config, spec, kernel, prefix + "mixer.",
                      std::move(frame));
  };
  traits.feed_forward = [](const WeightReader&, const std::string&, int,
                           ops::ResidualFrame) -> FeedForward {
    return std::monostate();
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
