// Mamba 1 and Falcon Mamba: selective state spaces and nothing else.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/dense_decoder.h"
#include "ops/selective_scan.h"

namespace abstractllm::models {

namespace {

struct Sizes {
  int inner = 0;
  int state = 0;
  int rank = 0;  // of the step
  int kernel = 0;
  /// Falcon Mamba divides the step, b and c by their root mean squares.
  bool normed = false;
  float normed_eps = 0;
};

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  require_silu(config, "hidden_act");
  read.hidden_size = require_size(config, "hidden_size");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  return read;
}

Sizes read_sizes(const io::JsonConfig& config, int hidden) {
  const int automatic = (hidden + 15) / 16;
  return {.inner = size_or(config, "intermediate_size",
                           size_or(config, "expand", 2) * hidden),
          .state = size_or(config, "state_size", 16),
          .rank = config.is_string("time_step_rank")
                      ? automatic
                      : size_or(config, "time_step_rank", automatic),
          .kernel = size_or(config, "conv_kernel", 4),
          .normed = config.find_string("model_type") == "falcon_mamba",
          .normed_eps = number_or(config, "mixer_rms_eps", 1e-6)};
}

ops::SelectiveScanBlock read_mixer(const WeightReader& weights, int hidden,
                                   const Sizes& sizes,
                                   const std::string& module,
                                   ops::ResidualFrame frame) {
  std::vector<float> decay =
      weights.vector(module + "A_log", std::int64_t{sizes.inner} * sizes.state);
  for (float& value : decay) value = -std::exp(value);
  const int width = sizes.rank + 2 * sizes.state;
  ops::SelectiveScanBlock block{
      .frame = std::move(frame),
      .state = sizes.state,
      .input = weights.linear(module + "in_proj", 2 * sizes.inner, hidden,
                              Bias::kIfPresent),
      .convolution = read_convolution(weights, module + "conv1d", sizes.inner,
                                      sizes.kernel),
      .selection =
          weights.linear(module + "x_proj", width, sizes.inner, Bias::kNone),
      .step = weights.linear(module + "dt_proj", sizes.inner, sizes.rank,
                             Bias::kRequired),
      .decay = ops::make_floats(decay),
      .skip = ops::make_floats(weights.vector(module + "D", sizes.inner)),
      .output = weights.linear(module + "out_proj", hidden, sizes.inner,
                               Bias::kIfPresent)};
  if (sizes.normed) block.selection_eps = sizes.normed_eps;
  return block;
}

}  // namespace

std::unique_ptr<Model> make_mamba(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const Sizes sizes = read_sizes(source.config, config.hidden_size);
  DenseTraits traits;
  traits.names = {.embedding = "backbone.embeddings",
                  .layers = "backbone.layers.",
                  .final_norm = "backbone.norm_f",
                  .before_attention = "norm",
                  .before_mlp = ""};
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_mixer(weights, config.hidden_size, sizes, prefix + "mixer.",
                      std::move(frame));
  };
  traits.feed_forward = [](const WeightReader&, const std::string&, int,
                           ops::ResidualFrame) -> FeedForward {
    return std::monostate();
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
