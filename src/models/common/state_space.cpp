// Reading of state space layers.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/state_space.h"

#include <cmath>
#include <limits>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"

namespace abstractllm::models {

void read_step_limits(const io::JsonConfig& config, ops::StateSpaceSpec& spec,
                      const char* activation) {
  require_silu(config, activation);
  spec.largest_step = std::numeric_limits<float>::infinity();
  const auto limits = config.find_numbers("time_step_limit");
  if (limits && limits->size() == 2) {
    spec.least_step = static_cast<float>((*limits)[0]);
    spec.largest_step = static_cast<float>((*limits)[1]);
  }
  if (spec.heads % spec.groups != 0) {
    throw ModelLoadingError("[config] the number of state space heads (" +
                            std::to_string(spec.heads) +
                            ") is no multiple of n_groups (" +
                            std::to_string(spec.groups) + ")");
  }
}

ops::StateSpaceBlock read_state_space(const WeightReader& weights,
                                      const ops::StateSpaceSpec& spec,
                                      const StateSpaceLayout& layout,
                                      const std::string& module,
                                      ops::ResidualFrame frame) {
  const int inner = spec.inner();
  const int channels = inner + 2 * spec.groups * spec.state;
  const int hidden = layout.hidden_size;
  std::vector<float> decay = weights.vector(module + "A_log", spec.heads);
  for (float& value : decay) value = -std::exp(value);
  ops::StateSpaceBlock block{
      .frame = std::move(frame),
      .spec = spec,
      .input = weights.linear(module + "in_proj", inner + channels + spec.heads,
                              hidden, Bias::kIfPresent),
      .convolution = read_convolution(weights, module + "conv1d", channels,
                                      layout.kernel, layout.channel_scales),
      .step_bias =
          ops::make_floats(weights.vector(module + "dt_bias", spec.heads)),
      .decay = ops::make_floats(decay),
      .skip = ops::make_floats(weights.vector(module + "D", spec.heads)),
      .norm = std::nullopt,
      .output =
          weights.linear(module + "out_proj", hidden, inner, Bias::kIfPresent)};
  if (layout.has_norm) {
    block.norm = weights.norm(ops::NormKind::kRms, module + "norm", inner,
                              layout.norm_eps);
    block.norm->groups = layout.norm_groups;
  }
  return block;
}

}  // namespace abstractllm::models
