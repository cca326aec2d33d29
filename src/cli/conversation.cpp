// Messages from JSON and back.
// SPDX-License-Identifier: Apache-2.0
#include "cli/conversation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "session/message_json.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

Json parse_json(std::string_view text, std::string_view where) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw InvalidRequestError(
        fmt::format("[messages] {} is not JSON: byte {}", where, error.byte));
  }
}

// The shape has one tool result a message.
void append(Json& messages, const Message& message) {
  if (message.role != Role::kTool) {
    messages.push_back(session::message_json(message));
    return;
  }
  for (const Part& part : message.parts) {
    messages.push_back(session::message_json({Role::kTool, {part}}));
  }
}

}  // namespace

Conversation parse_conversation(std::string_view json, std::string_view where) {
  const Json root = parse_json(json, where);
  Conversation conversation;
  const Json* list = &root;
  if (root.is_object()) {
    const auto messages = root.find("messages");
    list = messages == root.end() ? nullptr : &*messages;
    const auto parameters = root.find("parameters");
    if (parameters != root.end() && !parameters->is_null()) {
      conversation.parameters = parse_generation_parameters(parameters->dump());
    }
  }
  if (list == nullptr || !list->is_array()) {
    throw InvalidRequestError(
        fmt::format("[messages] {} has no list of messages", where),
        "Expected is [{\"role\": \"user\", \"content\": \"...\"}, ...] or "
        "{\"messages\": [...]}.");
  }
  session::MessagePlace place{where};
  for (const Json& entry : *list) {
    ++place.message;
    Message message = session::parse_message(entry, place);
    if (message.role == Role::kSystem && place.message == 1) {
      conversation.system = message.text();
    } else {
      conversation.messages.push_back(std::move(message));
    }
  }
  return conversation;
}

std::string conversation_json(const Conversation& conversation,
                              std::string_view model) {
  Json root = {{"model", std::string(model)}};
  Json messages = Json::array();
  if (conversation.system) {
    messages.push_back(
        session::message_json(Message::system(*conversation.system)));
  }
  for (const Message& message : conversation.messages) {
    append(messages, message);
  }
  root["messages"] = std::move(messages);
  root["parameters"] = Json::parse(to_json(conversation.parameters));
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace abstractllm::cli
