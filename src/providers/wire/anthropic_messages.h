// The protocol of Anthropic's messages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "providers/wire/dialect.h"

namespace abstractllm::providers {

/// Requests of POST /v1/messages, streamed. The service demands max_tokens:
/// without one kAnthropicMaxTokens is sent.
std::unique_ptr<Dialect> anthropic_dialect();

inline constexpr int kAnthropicMaxTokens = 4096;

}  // namespace abstractllm::providers
