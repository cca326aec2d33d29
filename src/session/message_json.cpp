// One message as JSON, in the shape that OpenAI's API made common.
// SPDX-License-Identifier: Apache-2.0
#include "session/message_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "base/text.h"

namespace abstractllm::session {
namespace {

using Json = nlohmann::ordered_json;

std::string string_of(const Json& object, const char* key,
                      const MessagePlace& place) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) {
    place.fail(
        fmt::format("'{}' is no string but {}", key, found->type_name()));
  }
  return found->get<std::string>();
}

Part parse_image(const Json& part, const MessagePlace& place) {
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
    return ImagePart{.path = url.substr(kFile.size()),
                     .media_type = string_of(part, "media_type", place)};
  }
  if (!url.starts_with("data:")) {
    return ImagePart{.path = std::move(url),
                     .media_type = string_of(part, "media_type", place)};
  }
  // Frames of a moving picture, one behind the other.
  if (url.starts_with("data:video/") &&
      url.find(',', url.find(',') + 1) != std::string::npos) {
    return ImagePart{.media_type = string_of(part, "media_type", place),
                     .url = std::move(url)};
  }
  const std::size_t comma = url.find(";base64,");
  if (comma == std::string::npos) place.fail("a data: URL that is not base64");
  auto bytes = base::base64_decode(std::string_view(url).substr(comma + 8));
  if (!bytes || bytes->empty()) place.fail("a data: URL that is not base64");
  return ImagePart{.bytes = std::move(*bytes),
                   .media_type = url.substr(5, comma - 5)};
}

void parse_content(const Json& content, std::vector<Part>& parts,
                   const MessagePlace& place) {
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
                      const MessagePlace& place) {
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
    if (!base::is_json(parsed.arguments)) {
      place.fail("the arguments of a tool call are not JSON");
    }
    parts.push_back(std::move(parsed));
  }
}

Json image_json(const ImagePart& image) {
  std::string url = image.url.empty() ? image.path : image.url;
  if (url.empty()) {
    url = fmt::format("data:{};base64,{}", image.media_type,
                      base::base64_encode(image.bytes));
  }
  Json json = {{"type", "image_url"}, {"image_url", {{"url", std::move(url)}}}};
  // Of bytes it is in the URL.
  if (image.bytes.empty() && image.media_type.starts_with("video/")) {
    json["media_type"] = image.media_type;
  }
  return json;
}

Json part_json(const Part& part) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    return {{"type", "text"}, {"text", text->text}};
  }
  if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
    return {{"type", "reasoning"},
            {"text", thought->text},
            {"replay", thought->replay}};
  }
  if (const auto* call = std::get_if<ToolCall>(&part)) {
    return {{"type", "tool_call"},
            {"id", call->id},
            {"name", call->name},
            {"arguments", call->arguments}};
  }
  if (const auto* result = std::get_if<ToolResult>(&part)) {
    return {{"type", "tool_result"},
            {"tool_call_id", result->tool_call_id},
            {"name", result->name},
            {"output", result->output},
            {"is_error", result->is_error}};
  }
  const auto& image = std::get<ImagePart>(part);
  return {{"type", "image"},
          {"path", image.path},
          {"bytes", base::base64_encode(image.bytes)},
          {"media_type", image.media_type},
          {"url", image.url},
          {"detail", image.detail}};
}

Part parse_part(const Json& json, const MessagePlace& place) {
  const auto text = [&](const char* key) {
    return string_of(json, key, place);
  };
  if (!json.is_object()) place.fail("a part is no object");
  const std::string type = text("type");
  if (type == "text") return TextPart{text("text")};
  if (type == "reasoning") {
    return ReasoningPart{text("text"), text("replay")};
  }
  if (type == "tool_call") {
    return ToolCall{text("id"), text("name"), text("arguments")};
  }
  if (type == "tool_result") {
    return ToolResult{text("tool_call_id"), text("name"), text("output"),
                      json.value("is_error", Json(false)) == Json(true)};
  }
  if (type != "image") {
    place.fail(fmt::format("unknown type of part '{}'", type));
  }
  auto bytes = base::base64_decode(text("bytes"));
  if (!bytes) place.fail("the bytes of an image are not base64");
  return ImagePart{.path = text("path"),
                   .bytes = std::move(*bytes),
                   .media_type = text("media_type"),
                   .url = text("url"),
                   .detail = text("detail")};
}

std::vector<Part> parse_parts(const Json& list, const MessagePlace& place) {
  if (!list.is_array()) place.fail("'parts' is no list");
  std::vector<Part> parts;
  for (const Json& part : list) parts.push_back(parse_part(part, place));
  return parts;
}

}  // namespace

void MessagePlace::fail(std::string_view what) const {
  throw InvalidRequestError(
      fmt::format("[messages] {}, message {}: {}", where, message, what),
      "A message looks like {\"role\": \"user\", \"content\": \"...\"}.");
}

Message parse_message(const Json& json, const MessagePlace& place) {
  if (!json.is_object()) place.fail("no object");
  Message message;
  const std::string role = string_of(json, "role", place);
  try {
    message.role = parse_role(role);
  } catch (const InvalidRequestError&) {
    place.fail(fmt::format("unknown role '{}'", role));
  }
  if (const auto list = json.find("parts"); list != json.end()) {
    message.parts = parse_parts(*list, place);
    return message;
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

Json exact_message_json(const Message& message) {
  Json json = message_json(message);
  try {
    const Message read = parse_message(json, {"", 0});
    if (read.parts == message.parts) return json;
  } catch (const InvalidRequestError&) {
    // Not in the common shape: the parts say it.
  }
  json["parts"] = Json::array();
  for (const Part& part : message.parts) {
    json["parts"].push_back(part_json(part));
  }
  return json;
}

}  // namespace abstractllm::session
