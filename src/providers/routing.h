// The routing of routing.h with its surroundings given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "abstractllm/routing.h"
#include "providers/retry_policy.h"

namespace abstractllm::providers {

/// As create_retrying, in `world`.
std::unique_ptr<AbstractLLMInterface> make_retrying(
    std::unique_ptr<AbstractLLMInterface> llm, const RetryConfig& config,
    RetryWorld world);

}  // namespace abstractllm::providers
