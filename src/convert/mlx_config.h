// What mlx-lm reads of config.json and newer configs say in other fields.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace abstractllm::convert {

/// `config`, a JSON object, with `rope_theta`, `rope_scaling`,
/// `rope_local_base_freq`, `partial_rotary_factor` and `num_experts` where only
/// transformers 5 names are there: `rope_parameters`, of all layers or by their
/// kind, and `num_local_experts`. What is there stays; so with `text_config`.
std::string completed_for_mlx(const std::string& config);

}  // namespace abstractllm::convert
