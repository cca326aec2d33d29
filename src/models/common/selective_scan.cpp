// Reading of selective state spaces.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/selective_scan.h"

#include <cmath>
#include <vector>

#include "io/json_config.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"

namespace abstractllm::models {

int read_step_rank(const io::JsonConfig& config, const char* field,
                   int hidden) {
  const int automatic = (hidden + 15) / 16;
  return config.is_string(field) ? automatic
                                 : size_or(config, field, automatic);
}

ops::SelectiveScanBlock read_selective_scan(const WeightReader& weights,
                                            const SelectiveScanSizes& sizes,
                                            const std::string& module,
                                            ops::ResidualFrame frame) {
  std::vector<float> decay =
      weights.vector(module + "A_log", std::int64_t{sizes.inner} * sizes.state);
  for (float& value : decay) value = -std::exp(value);
  const int width = sizes.rank + 2 * sizes.state;
  ops::SelectiveScanBlock block{
      .frame = std::move(frame),
      .state = sizes.state,
      .input = weights.linear(module + "in_proj", 2 * sizes.inner,
                              sizes.hidden_size, Bias::kIfPresent),
      .convolution = read_convolution(weights, module + "conv1d", sizes.inner,
                                      sizes.kernel),
      .selection =
          weights.linear(module + "x_proj", width, sizes.inner, Bias::kNone),
      .step = weights.linear(module + "dt_proj", sizes.inner, sizes.rank,
                             Bias::kRequired),
      .decay = ops::make_floats(decay),
      .skip = ops::make_floats(weights.vector(module + "D", sizes.inner)),
      .output = weights.linear(module + "out_proj", sizes.hidden_size,
                               sizes.inner, Bias::kIfPresent),
      .selection_eps = sizes.selection_eps};
  if (weights.has_vector(module + "dt_layernorm.weight")) {
    std::vector<float> scales =
        weights.vector(module + "dt_layernorm.weight", sizes.rank);
    for (const char* name : {"b_layernorm.weight", "c_layernorm.weight"}) {
      const auto part = weights.vector(module + name, sizes.state);
      scales.insert(scales.end(), part.begin(), part.end());
    }
    block.selection_scales = ops::make_floats(scales);
  }
  return block;
}

}  // namespace abstractllm::models
