// Messages and tools as the JSON that chat templates expect.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "base/utf8.h"
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
  Json json = base::parse_json(text);
  if (!json.is_object()) {
    throw InvalidRequestError(fmt::format(
        "[chat template] the {} of '{}' are not a JSON object", what, name));
  }
  return json;
}

std::string id_of(const std::string& id, const MessageShape& shape) {
  return shape.short_call_ids ? short_call_id(id) : id;
}

Json text_content(const std::string& text, const MessageShape& shape) {
  if (!shape.content_as_parts) return text;
  return Json::array({{{"type", "text"}, {"text", text}}});
}

// What a model wrote that is no object, another provider's perhaps, stays to be
// seen beside the error that answered it.
Json arguments_of(const ToolCall& call) {
  if (call.arguments.empty()) return Json::object();
  Json json = base::parse_json(call.arguments);
  return json.is_object()
             ? json
             : Json{{"_raw", base::replace_invalid_utf8(call.arguments)}};
}

Json to_json(const ToolCall& call, const MessageShape& shape) {
  Json json = Json::object();
  const std::string id = id_of(call.id, shape);
  if (!id.empty()) json["id"] = id;
  json["type"] = "function";
  const Json arguments = arguments_of(call);
  json["function"] = {
      {"name", call.name},
      {"arguments",
       shape.arguments_as_text ? Json(arguments.dump()) : arguments}};
  return json;
}

Json to_json(const ToolResult& result, const MessageShape& shape) {
  Json json = {{"role", "tool"}};
  if (!result.name.empty()) json["name"] = result.name;
  const std::string id = id_of(result.tool_call_id, shape);
  if (!id.empty()) json["tool_call_id"] = id;
  json["content"] = text_content(result.output, shape);
  return json;
}

Json content_of(const Message& message, const MessageShape& shape) {
  bool has_image = false;
  Json parts = Json::array();
  for (const Part& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      parts.push_back({{"type", "text"}, {"text", text->text}});
    } else if (const auto* image = std::get_if<ImagePart>(&part)) {
      const bool moves = image->media_type.starts_with("video/") ||
                         image->url.starts_with("data:video/");
      parts.push_back({{"type", moves ? "video" : "image"}});
      has_image = true;
    }
  }
  return has_image ? parts : text_content(message.text(), shape);
}

// Results of tools come first: a message of the role "tool" is made of them.
void append(const Message& message, const MessageShape& shape, Json& out) {
  bool has_other_parts = message.parts.empty();
  std::string reasoning;
  Json calls = Json::array();
  for (const Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResult>(&part)) {
      out.push_back(to_json(*result, shape));
      continue;
    }
    has_other_parts = true;
    if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
      reasoning += thought->text;
    } else if (const auto* call = std::get_if<ToolCall>(&part)) {
      calls.push_back(to_json(*call, shape));
    }
  }
  if (!has_other_parts) return;
  Json json = {{"role", to_string(message.role)},
               {"content", content_of(message, shape)}};
  if (!reasoning.empty()) {
    json["reasoning_content"] = reasoning;
    if (shape.names_thinking) json["thinking"] = reasoning;
  }
  if (!calls.empty()) json["tool_calls"] = std::move(calls);
  out.push_back(std::move(json));
}

}  // namespace

std::string messages_to_json(const std::vector<Message>& messages,
                             const MessageShape& shape) {
  Json json = Json::array();
  for (const Message& message : messages) append(message, shape, json);
  return dump(json);
}

std::string short_call_id(std::string_view id) {
  constexpr std::size_t kLength = 9;
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const bool is_short =
      id.size() == kLength &&
      id.find_first_not_of(kLetters) == std::string_view::npos;
  if (is_short) return std::string(id);
  // FNV-1a; the same id always becomes the same.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  std::string text;
  for (std::size_t i = 0; i < kLength; ++i) {
    text += kLetters[hash % kLetters.size()];
    hash /= kLetters.size();
  }
  return text;
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
