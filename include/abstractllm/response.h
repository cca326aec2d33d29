// The whole answer of one generation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "abstractllm/event.h"

namespace abstractllm {

/// A finished answer. A plain value.
struct GenerateResponse {
  std::string content;
  std::string reasoning;
  std::string reasoning_replay;  ///< as ReasoningPart::replay
  std::string model;
  FinishReason finish_reason = FinishReason::kStop;
  std::string stop_text;
  std::vector<ToolCall> tool_calls;
  std::vector<TokenLogprob> logprobs;   ///< one per token, when asked for
  std::vector<std::int32_t> token_ids;  ///< local models only
  Usage usage;
  Timings timings;
  std::string request_id;  ///< by which the service knows it; remote only

  bool has_tool_calls() const { return !tool_calls.empty(); }
};

}  // namespace abstractllm
