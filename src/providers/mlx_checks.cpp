// Refusals, each with what to do instead.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_checks.h"

#include <algorithm>
#include <string>
#include <variant>

#include "abstractllm/error.h"

namespace abstractllm::providers {

namespace {

constexpr char kId[] = "mlx";

void check_one_prompt(const Request& request) {
  const int given = (request.messages.empty() ? 0 : 1) +
                    (request.prompt ? 1 : 0) +
                    (request.prompt_token_ids ? 1 : 0);
  if (given == 1) return;
  throw InvalidRequestError(
      given == 0 ? "[mlx] the request has nothing to answer"
                 : "[mlx] the request has more than one of messages, prompt "
                   "and prompt_token_ids",
      "Give exactly one of messages, prompt and prompt_token_ids.", kId);
}

// Tools and reasoning are a matter of the chat template.
void check_needs_chat(const Request& request) {
  if (!request.messages.empty()) return;
  if (request.system_prompt) {
    throw InvalidRequestError("[mlx] system_prompt goes with messages alone",
                              "Give messages, or put the text into the prompt.",
                              kId);
  }
  const bool has_tools = !request.tools.empty();
  if (!has_tools && !request.reasoning_effort) return;
  throw UnsupportedFeatureError(
      std::string("[mlx] ") + (has_tools ? "tools" : "reasoning_effort") +
          " cannot be had with a prompt that no chat template makes",
      "Give messages.", kId);
}

void check_tools(const Request& request) {
  if (request.tools.empty() &&
      (request.tool_choice || request.parallel_tool_calls)) {
    throw InvalidRequestError(
        "[mlx] tool_choice and parallel_tool_calls go with tools alone",
        "Give tools, or leave them out.", kId);
  }
  if (!request.tool_choice ||
      request.tool_choice->mode != ToolChoice::Mode::kNamed) {
    return;
  }
  const bool known =
      std::any_of(request.tools.begin(), request.tools.end(),
                  [&](const ToolDefinition& tool) {
                    return tool.name == request.tool_choice->name;
                  });
  if (known) return;
  throw InvalidRequestError("[mlx] tool_choice names '" +
                                request.tool_choice->name +
                                "', which is none of the tools",
                            "", kId);
}

}  // namespace

void check_mlx_request(const Request& request) {
  check_one_prompt(request);
  check_needs_chat(request);
  check_tools(request);
}

bool has_images(const Request& request) {
  for (const Message& message : request.messages) {
    for (const Part& part : message.parts) {
      if (std::holds_alternative<ImagePart>(part)) return true;
    }
  }
  return false;
}

std::vector<Message> with_system_prompt(const Request& request) {
  std::vector<Message> messages = request.messages;
  if (!request.system_prompt) return messages;
  for (const Message& message : messages) {
    if (message.role == Role::kSystem) {
      throw InvalidRequestError(
          "[mlx] the request has a system prompt and a system message",
          "Give one of them.", kId);
    }
  }
  messages.insert(messages.begin(), Message::system(*request.system_prompt));
  return messages;
}

ToolChoice::Mode choice_of(const Request& request) {
  return request.tool_choice.value_or(ToolChoice{}).mode;
}

bool offers_tools(const Request& request) {
  return !request.tools.empty() &&
         choice_of(request) != ToolChoice::Mode::kNone;
}

bool forces_call(const Request& request) {
  const auto mode = choice_of(request);
  return offers_tools(request) && mode != ToolChoice::Mode::kAuto;
}

}  // namespace abstractllm::providers
