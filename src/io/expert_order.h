// In which order a stack of experts has inputs and outputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "io/weight_source.h"

namespace abstractllm::io {

/// Whether the stacks `experts` + "gate_up_proj" and `experts` + "down_proj"
/// are (experts, inputs, outputs), as Qwen3-VL is published, and not (experts,
/// outputs, inputs): `hidden` are the inputs of the first. False as well where
/// the first has another number of dimensions. Throws ModelLoadingError for a
/// stack that is not there or cannot tell.
bool experts_have_inputs_first(const WeightSource& weights,
                               const std::string& experts, std::int64_t hidden);

}  // namespace abstractllm::io
