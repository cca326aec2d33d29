// Roles by name, and messages from plain text.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/message.h"

#include "abstractllm/error.h"

namespace abstractllm {

std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  return "user";
}

Role parse_role(std::string_view text) {
  if (text == "system" || text == "developer") return Role::kSystem;
  if (text == "user") return Role::kUser;
  if (text == "assistant") return Role::kAssistant;
  if (text == "tool") return Role::kTool;
  throw InvalidRequestError(
      "[message] unknown role '" + std::string(text) + "'",
      "Use system, user, assistant or tool.");
}

std::string Message::text() const {
  std::string joined;
  for (const Part& part : parts) {
    if (const auto* piece = std::get_if<TextPart>(&part)) joined += piece->text;
  }
  return joined;
}

Message Message::system(std::string text) {
  return {Role::kSystem, {TextPart{std::move(text)}}};
}

Message Message::user(std::string text) {
  return {Role::kUser, {TextPart{std::move(text)}}};
}

Message Message::assistant(std::string text) {
  return {Role::kAssistant, {TextPart{std::move(text)}}};
}

}  // namespace abstractllm
