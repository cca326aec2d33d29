// The in-process MLX provider's one entry.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "abstractllm/factory.h"

namespace abstractllm::providers {

/// Loads the model of `config`. In a build without MLX:
/// UnsupportedProviderError. Thread-safe.
std::unique_ptr<AbstractLLMInterface> make_mlx(ProviderConfig config);

}  // namespace abstractllm::providers
