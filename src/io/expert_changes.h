// Changes of experts for checkpoints that lay experts out in another way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "io/adapter_file.h"

namespace abstractllm::io {

/// How many experts lie in a module of the model: 1 in a layer, 0 where there
/// is no such module.
using ExpertCount = std::function<std::int64_t(std::string_view module)>;

/// `adapter` itself, or the same changes under the model's names: experts have
/// layers of their own ("experts.0.gate_proj", "experts.0.w1"), lie in stacks
/// of gates and up rows apart (mlx-lm: "switch_mlp.gate_proj") or together
/// (transformers 5: "experts.gate_up_proj"), and each library names its
/// adapters by its own layout. A change that finds no place keeps its name.
/// Throws UnsupportedFeatureError naming a module where magnitudes are there
/// for a part of a stack alone.
std::shared_ptr<const AdapterFile> fitted_to_experts(
    std::shared_ptr<const AdapterFile> adapter, const ExpertCount& experts_in);

}  // namespace abstractllm::io
