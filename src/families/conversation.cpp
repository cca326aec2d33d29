// Folding, merging and spelling out.
// SPDX-License-Identifier: Apache-2.0
#include "families/conversation.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "base/json_text.h"

namespace abstractllm::families {

namespace {

using Json = nlohmann::ordered_json;

constexpr char kBetween[] = "\n\n";

std::string spelled(const ToolCall& call) {
  Json arguments = base::parse_json(call.arguments);
  if (!arguments.is_object()) {
    arguments = call.arguments.empty() ? Json::object()
                                       : Json{{"_raw", call.arguments}};
  }
  const Json json = {{"name", call.name}, {"arguments", std::move(arguments)}};
  return "<tool_call>\n" +
         json.dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n</tool_call>";
}

std::string spelled(const ToolResult& result) {
  return (result.is_error ? "Error of the tool " : "Result of the tool ") +
         result.name + ":\n" + result.output;
}

// Puts `text` before the first text of `message`.
void prepend(Message& message, const std::string& text) {
  for (Part& part : message.parts) {
    if (auto* own = std::get_if<TextPart>(&part)) {
      own->text = own->text.empty() ? text : text + kBetween + own->text;
      return;
    }
  }
  message.parts.insert(message.parts.begin(), TextPart{text});
}

void add_task(std::vector<Message>& messages, const std::string& task) {
  if (task.empty()) return;
  for (Message& message : messages) {
    if (message.role != Role::kSystem) continue;
    const std::string own = message.text();
    message.parts = {TextPart{own.empty() ? task : own + kBetween + task}};
    return;
  }
  messages.insert(messages.begin(), Message::system(task));
}

void spell_calls(Message& message) {
  for (Part& part : message.parts) {
    if (const auto* call = std::get_if<ToolCall>(&part)) {
      part = TextPart{spelled(*call)};
    }
  }
}

void spell_results(Message& message) {
  std::string text;
  for (Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResult>(&part)) {
      text += (text.empty() ? "" : kBetween) + spelled(*result);
    }
  }
  if (text.empty()) return;
  message = Message::user(std::move(text));
}

std::vector<Message> fold_system(std::vector<Message> messages) {
  std::vector<Message> folded;
  std::string waiting;
  for (Message& message : messages) {
    if (message.role == Role::kSystem) {
      waiting += (waiting.empty() ? "" : kBetween) + message.text();
      continue;
    }
    if (message.role == Role::kUser && !waiting.empty()) {
      prepend(message, std::exchange(waiting, {}));
    }
    folded.push_back(std::move(message));
  }
  if (!waiting.empty()) folded.push_back(Message::user(std::move(waiting)));
  return folded;
}

std::vector<Message> merge_turns(std::vector<Message> messages) {
  std::vector<Message> merged;
  for (Message& message : messages) {
    const bool joins =
        !merged.empty() && merged.back().role == message.role &&
        (message.role == Role::kUser || message.role == Role::kAssistant);
    if (!joins) {
      merged.push_back(std::move(message));
      continue;
    }
    Message& last = merged.back();
    last.token_ids.clear();
    if (!last.text().empty() && !message.text().empty()) {
      last.parts.emplace_back(TextPart{kBetween});
    }
    last.parts.insert(last.parts.end(),
                      std::make_move_iterator(message.parts.begin()),
                      std::make_move_iterator(message.parts.end()));
  }
  return merged;
}

}  // namespace

std::vector<Message> adapt_conversation(std::vector<Message> messages,
                                        const std::string& task,
                                        const TemplateFacts& facts) {
  add_task(messages, task);
  for (Message& message : messages) {
    if (!facts.tool_calls) spell_calls(message);
    if (!facts.tool_results) spell_results(message);
  }
  const bool has_system = std::any_of(
      messages.begin(), messages.end(),
      [](const Message& each) { return each.role == Role::kSystem; });
  if (has_system && facts.system_prompt == SystemPrompt::kUnsupported) {
    throw UnsupportedFeatureError(
        "[chat template] the model's template takes no system message",
        "Leave the system prompt out.");
  }
  if (has_system && facts.system_prompt == SystemPrompt::kFolded) {
    messages = fold_system(std::move(messages));
  }
  if (facts.alternates) messages = merge_turns(std::move(messages));
  return messages;
}

std::string tools_preamble(const std::vector<ToolDefinition>& tools) {
  std::string text = "You can call these functions:\n";
  for (const ToolDefinition& tool : tools) {
    Json parameters = base::parse_json(tool.parameters);
    if (!parameters.is_object()) parameters = Json::object();
    const Json json = {{"name", tool.name},
                       {"description", tool.description},
                       {"parameters", std::move(parameters)}};
    text += json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return text +
         "To call one, write:\n"
         "<tool_call>\n{\"name\": \"NAME\", \"arguments\": {...}}\n"
         "</tool_call>\n"
         "The result is given to you. If no call is needed, just answer.";
}

}  // namespace abstractllm::families
