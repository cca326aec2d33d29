// Names of reasoning efforts.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/request.h"

#include "abstractllm/error.h"

namespace abstractllm {

std::string_view to_string(ReasoningEffort effort) noexcept {
  switch (effort) {
    case ReasoningEffort::kOff:
      return "off";
    case ReasoningEffort::kLow:
      return "low";
    case ReasoningEffort::kMedium:
      return "medium";
    case ReasoningEffort::kHigh:
      return "high";
  }
  return "off";
}

ReasoningEffort parse_reasoning_effort(std::string_view text) {
  if (text == "off" || text == "none") return ReasoningEffort::kOff;
  if (text == "low") return ReasoningEffort::kLow;
  if (text == "medium" || text == "on") return ReasoningEffort::kMedium;
  if (text == "high") return ReasoningEffort::kHigh;
  throw InvalidParameterError(
      "[request] unknown reasoning effort '" + std::string(text) + "'",
      "Use off, low, medium or high.");
}

}  // namespace abstractllm
