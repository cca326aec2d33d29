// A model's summary of what is no longer sent.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/session.h"

namespace abstractllm::session {

/// Asks `llm` to condense the messages [first, last) together with the summary
/// of what was before them. Throws the provider's error, CancelledError when
/// cancelled, and GenerationError for an empty answer.
std::string summarize(AbstractLLMInterface& llm, const SessionState& state,
                      std::size_t first, std::size_t last,
                      const CancelToken& cancel);

/// The system prompt with the summary after it; absent if both are.
std::optional<std::string> prompt_with_summary(const SessionState& state);

}  // namespace abstractllm::session
