// Mamba 1's mixers in a checkpoint.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "models/common/weight_reader.h"
#include "ops/selective_scan.h"

namespace abstractllm::io {
class JsonConfig;
}

namespace abstractllm::models {

struct SelectiveScanSizes {
  int hidden_size = 0;
  int inner = 0;
  int state = 0;
  int rank = 0;  ///< of the step
  int kernel = 0;
  /// Set: the step, b and c are divided by their root mean squares.
  std::optional<float> selection_eps = std::nullopt;
};

/// `field`, a number or "auto": a sixteenth of `hidden`, rounded up. Throws
/// ModelLoadingError.
int read_step_rank(const io::JsonConfig& config, const char* field, int hidden);

/// The modules begin with `module` ("...mixer."): in_proj, conv1d, x_proj,
/// dt_proj, A_log, D, out_proj and, where there are some, the weights of norms
/// dt_layernorm, b_layernorm and c_layernorm. Throws ModelLoadingError.
ops::SelectiveScanBlock read_selective_scan(const WeightReader& weights,
                                            const SelectiveScanSizes& sizes,
                                            const std::string& module,
                                            ops::ResidualFrame frame);

}  // namespace abstractllm::models
