// The in-process MLX provider's one entry.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>

#include "abstractllm/factory.h"

namespace abstractllm::providers {

/// Loads the model of `config`. In a build without MLX:
/// UnsupportedProviderError. Thread-safe.
std::unique_ptr<AbstractLLMInterface> make_mlx(ProviderConfig config);

bool mlx_is_built_in() noexcept;

/// Of the models that the provider loads, embedding models or not; none in a
/// build without MLX.
std::set<ModelCapability> mlx_capabilities();

}  // namespace abstractllm::providers
