// Mamba 2's mixers in a checkpoint.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "models/common/weight_reader.h"
#include "ops/recurrent.h"

namespace abstractllm::io {
class JsonConfig;
}

namespace abstractllm::models {

/// How a family's mixers are stored.
struct StateSpaceLayout {
  int hidden_size = 0;
  int kernel = 4;
  float norm_eps = 0;
  bool has_norm = true;
  int norm_groups = 1;
  /// Of the channels that are convolved, x, b and c; empty: all 1.
  std::vector<float> channel_scales = {};
};

/// time_step_limit into `spec`, or no limits. `activation` names the field of
/// the mixers' activation, which is silu. Throws ModelLoadingError where
/// the heads of `spec` are no multiple of its groups.
void read_step_limits(const io::JsonConfig& config, ops::StateSpaceSpec& spec,
                      const char* activation = "hidden_act");

/// The modules begin with `module` ("...mixer."): in_proj, conv1d, dt_bias,
/// A_log, D, norm, out_proj. Throws ModelLoadingError.
ops::StateSpaceBlock read_state_space(const WeightReader& weights,
                                      const ops::StateSpaceSpec& spec,
                                      const StateSpaceLayout& layout,
                                      const std::string& module,
                                      ops::ResidualFrame frame);

}  // namespace abstractllm::models
