// Messages from JSON and back.
// SPDX-License-Identifier: Apache-2.0
#include "cli/conversation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "base/base64.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

// Where in the file we are, for errors. Contents are never quoted.
struct Place {
  std::string_view where;
  std::size_t message = 0;

  [[noreturn]] void fail(std::string_view what) const {
    throw InvalidRequestError(
        fmt::format("[messages] {}, message {}: {}", where, message, what),
        "A message looks like {\"role\": \"user\", \"content\": \"...\"}.");
  }
};

std::string string_of(const Json& object, const char* key, const Place& place) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) {
    place.fail(
        fmt::format("'{}' is no string but {}", key, found->type_name()));
  }
  return found->get<std::string>();
}

Part parse_image(const Json& part, const Place& place) {
  const auto found = part.find("image_url");
  std::string url;
  if (found != part.end() && found->is_object()) {
    url = string_of(*found, "url", place);
  } else {
    url = string_of(part, "image_url", place);
  }
  if (url.empty()) place.fail("an image without a URL");
  if (url.starts_with("http://") || url.starts_with("https://")) {
    return ImagePart{.url = std::move(url)};
  }
  constexpr std::string_view kFile = "file://";
  if (url.starts_with(kFile)) {
    return ImagePart{.path = url.substr(kFile.size())};
  }
  if (!url.starts_with("data:")) return ImagePart{.path = std::move(url)};
  const std::size_t comma = url.find(";base64,");
  if (comma == std::string::npos) place.fail("a data: URL that is not base64");
  auto bytes = base::base64_decode(std::string_view(url).substr(comma + 8));
  if (!bytes || bytes->empty()) place.fail("a data: URL that is not base64");
  return ImagePart{.bytes = std::move(*bytes),
                   .media_type = url.substr(5, comma - 5)};
}

void parse_content(const Json& content, std::vector<Part>& parts,
                   const Place& place) {
  if (content.is_null()) return;
  if (content.is_string()) {
    parts.push_back(TextPart{content.get<std::string>()});
    return;
  }
  if (!content.is_array()) place.fail("'content' is neither text nor a list");
  for (const Json& part : content) {
    if (!part.is_object()) place.fail("a part of 'content' is no object");
    const std::string type = string_of(part, "type", place);
    if (type == "text") {
      parts.push_back(TextPart{string_of(part, "text", place)});
    } else if (type == "image_url") {
      parts.push_back(parse_image(part, place));
    } else {
      place.fail(fmt::format("unknown type of part '{}'", type));
    }
  }
}

void parse_tool_calls(const Json& calls, std::vector<Part>& parts,
                      const Place& place) {
  if (calls.is_null()) return;
  if (!calls.is_array()) place.fail("'tool_calls' is no list");
  for (const Json& call : calls) {
    const auto function = call.find("function");
    if (!call.is_object() || function == call.end() || !function->is_object()) {
      place.fail("a tool call without its function");
    }
    ToolCall parsed{string_of(call, "id", place),
                    string_of(*function, "name", place),
                    string_of(*function, "arguments", place)};
    if (!Json::accept(parsed.arguments)) {
      place.fail("the arguments of a tool call are not JSON");
    }
    parts.push_back(std::move(parsed));
  }
}

Message parse_message(const Json& json, const Place& place) {
  if (!json.is_object()) place.fail("no object");
  Message message;
  const std::string role = string_of(json, "role", place);
  try {
    message.role = parse_role(role);
  } catch (const InvalidRequestError&) {
    place.fail(fmt::format("unknown role '{}'", role));
  }
  const auto content = json.find("content");
  if (message.role == Role::kTool) {
    message.parts.push_back(ToolResult{string_of(json, "tool_call_id", place),
                                       string_of(json, "name", place),
                                       string_of(json, "content", place)});
    return message;
  }
  ReasoningPart thought{string_of(json, "reasoning_content", place),
                        string_of(json, "reasoning_replay", place)};
  if (thought != ReasoningPart{}) message.parts.push_back(std::move(thought));
  if (content != json.end()) parse_content(*content, message.parts, place);
  const auto calls = json.find("tool_calls");
  if (calls != json.end()) parse_tool_calls(*calls, message.parts, place);
  if (message.parts.empty()) place.fail("neither content nor tool calls");
  return message;
}

Json image_json(const ImagePart& image) {
  std::string url = image.url.empty() ? image.path : image.url;
  if (url.empty()) {
    url = fmt::format("data:{};base64,{}", image.media_type,
                      base::base64_encode(image.bytes));
  }
  return {{"type", "image_url"}, {"image_url", {{"url", std::move(url)}}}};
}

Json message_json(const Message& message) {
  Json json = {{"role", to_string(message.role)}};
  std::string reasoning;
  Json list = Json::array();
  bool has_image = false;
  for (const Part& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      list.push_back({{"type", "text"}, {"text", text->text}});
    } else if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
      reasoning += thought->text;
      if (!thought->replay.empty()) json["reasoning_replay"] = thought->replay;
    } else if (const auto* image = std::get_if<ImagePart>(&part)) {
      has_image = true;
      list.push_back(image_json(*image));
    } else if (const auto* call = std::get_if<ToolCall>(&part)) {
      json["tool_calls"].push_back(
          {{"id", call->id},
           {"type", "function"},
           {"function",
            {{"name", call->name}, {"arguments", call->arguments}}}});
    } else if (const auto* result = std::get_if<ToolResult>(&part)) {
      json["tool_call_id"] = result->tool_call_id;
      json["name"] = result->name;
      json["content"] = result->output;
      return json;
    }
  }
  if (!reasoning.empty()) json["reasoning_content"] = reasoning;
  if (has_image) {
    json["content"] = std::move(list);
  } else {
    json["content"] = message.text();
  }
  return json;
}

Json parse_json(std::string_view text, std::string_view where) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw InvalidRequestError(
        fmt::format("[messages] {} is not JSON: byte {}", where, error.byte));
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
  Place place{where};
  for (const Json& entry : *list) {
    ++place.message;
    Message message = parse_message(entry, place);
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
    messages.push_back(message_json(Message::system(*conversation.system)));
  }
  for (const Message& message : conversation.messages) {
    messages.push_back(message_json(message));
  }
  root["messages"] = std::move(messages);
  root["parameters"] = Json::parse(to_json(conversation.parameters));
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace abstractllm::cli
