// Messages and tools as the JSON that chat templates expect.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "text/chat_template.h"

namespace abstractllm::text {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  try {
    return json.dump();
  } catch (const Json::exception&) {
    throw InvalidRequestError("[chat template] a message is not valid UTF-8",
                              "Pass UTF-8 text.");
  }
}

Json parse_object(std::string_view text, std::string_view what,
                  std::string_view name) {
  if (text.empty()) return Json::object();
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    throw InvalidRequestError(fmt::format(
        "[chat template] the {} of '{}' are not a JSON object", what, name));
  }
  return json;
}

Json to_json(const ToolCall& call) {
  Json json = Json::object();
  if (!call.id.empty()) json["id"] = call.id;
  json["type"] = "function";
  json["function"] = {
      {"name", call.name},
      {"arguments", parse_object(call.arguments, "arguments", call.name)}};
  return json;
}

Json to_json(const ToolResult& result) {
  Json json = {{"role", "tool"}};
  if (!result.name.empty()) json["name"] = result.name;
  if (!result.tool_call_id.empty()) json["tool_call_id"] = result.tool_call_id;
  json["content"] = result.output;
  return json;
}

Json content_of(const Message& message) {
  bool has_image = false;
  Json parts = Json::array();
  for (const Part& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      parts.push_back({{"type", "text"}, {"text", text->text}});
    } else if (std::holds_alternative<ImagePart>(part)) {
      parts.push_back({{"type", "image"}});
      has_image = true;
    }
  }
  return has_image ? parts : Json(message.text());
}

// Results of tools come first: a message of the role "tool" is made of them.
void append(const Message& message, Json& out) {
  bool has_other_parts = message.parts.empty();
  std::string reasoning;
  Json calls = Json::array();
  for (const Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResult>(&part)) {
      out.push_back(to_json(*result));
      continue;
    }
    has_other_parts = true;
    if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
      reasoning += thought->text;
    } else if (const auto* call = std::get_if<ToolCall>(&part)) {
      calls.push_back(to_json(*call));
    }
  }
  if (!has_other_parts) return;
  Json json = {{"role", to_string(message.role)},
               {"content", content_of(message)}};
  if (!reasoning.empty()) json["reasoning_content"] = reasoning;
  if (!calls.empty()) json["tool_calls"] = std::move(calls);
  out.push_back(std::move(json));
}

}  // namespace

std::string messages_to_json(const std::vector<Message>& messages) {
  Json json = Json::array();
  for (const Message& message : messages) append(message, json);
  return dump(json);
}

std::optional<std::string> tools_to_json(
    const std::vector<ToolDefinition>& tools) {
  if (tools.empty()) return std::nullopt;
  Json json = Json::array();
  for (const ToolDefinition& tool : tools) {
    json.push_back({{"type", "function"},
                    {"function",
                     {{"name", tool.name},
                      {"description", tool.description},
                      {"parameters", parse_object(tool.parameters, "parameters",
                                                  tool.name)}}}});
  }
  return dump(json);
}

}  // namespace abstractllm::text
