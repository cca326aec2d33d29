// From reasoning_effort to the words and variables of chat templates.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_thinking.h"

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "providers/mlx_checks.h"

namespace abstractllm::providers {

namespace {

using families::ThinkingControl;
using Json = nlohmann::ordered_json;

constexpr char kId[] = "mlx";

// Tokens of reasoning, among the numbers that Seed-OSS was trained with.
int thinking_budget(ReasoningEffort effort) {
  switch (effort) {
    case ReasoningEffort::kOff:
      return 0;
    case ReasoningEffort::kLow:
      return 512;
    case ReasoningEffort::kMedium:
      return 4096;
    case ReasoningEffort::kHigh:
      break;
  }
  return -1;
}

}  // namespace

std::string variables_with_thinking(const Request& request,
                                    const ThinkingControl& control) {
  if (!request.reasoning_effort) return request.template_variables;
  const ReasoningEffort effort = *request.reasoning_effort;
  const bool off = effort == ReasoningEffort::kOff;
  if (control.kind == ThinkingControl::Kind::kNone) {
    throw UnsupportedFeatureError(
        "[mlx] the model's chat template has no switch for reasoning_effort",
        "Leave reasoning_effort out.", kId);
  }
  if (control.kind == ThinkingControl::Kind::kLevel && off) {
    throw UnsupportedFeatureError(
        "[mlx] the model's reasoning cannot be switched off",
        "Use reasoning_effort low.", kId);
  }
  Json variables = base::parse_json(request.template_variables);
  // What is no object is refused by the template, with its own words.
  if (!variables.is_object()) return request.template_variables;
  if (variables.contains(control.variable)) return variables.dump();
  switch (control.kind) {
    case ThinkingControl::Kind::kSwitch:
      variables[control.variable] = !off;
      break;
    case ThinkingControl::Kind::kLevel:
      variables[control.variable] = std::string(to_string(effort));
      break;
    case ThinkingControl::Kind::kBudget:
      variables[control.variable] = thinking_budget(effort);
      break;
    case ThinkingControl::Kind::kWord:
    case ThinkingControl::Kind::kNone:
      break;
  }
  return variables.dump();
}

std::vector<Message> messages_with_thinking(const Request& request,
                                            const ThinkingControl& control) {
  std::vector<Message> messages = with_system_prompt(request);
  if (!request.reasoning_effort ||
      control.kind != ThinkingControl::Kind::kWord) {
    return messages;
  }
  const bool off = *request.reasoning_effort == ReasoningEffort::kOff;
  const std::string word = off ? "/no_think" : control.variable;
  if (messages.empty() || messages.front().role != Role::kSystem) {
    messages.insert(messages.begin(), Message::system(word));
  } else {
    messages.front().parts.emplace_back(TextPart{"\n" + word});
  }
  return messages;
}

}  // namespace abstractllm::providers
