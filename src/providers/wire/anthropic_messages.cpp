// Requests as bodies of /v1/messages.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/anthropic_messages.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "providers/wire/anthropic_reader.h"
#include "providers/wire/images.h"
#include "providers/wire/json.h"
#include "providers/wire/native_schema.h"
#include "providers/wire/parameter_table.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

const std::string kId = "anthropic";

Json image_block(const ImagePart& image) {
  check_image(image, kId);
  if (!image.url.empty() && !image.url.starts_with("data:")) {
    return {{"type", "image"},
            {"source", {{"type", "url"}, {"url", image.url}}}};
  }
  WireImage wire = encode_image(image, kId);
  return {{"type", "image"},
          {"source",
           {{"type", "base64"},
            {"media_type", std::move(wire.media_type)},
            {"data", std::move(wire.base64)}}}};
}

Json result_block(const ToolResult& result) {
  Json block{{"type", "tool_result"}, {"tool_use_id", result.tool_call_id}};
  if (!result.output.empty()) block["content"] = result.output;
  if (result.is_error) block["is_error"] = true;
  return block;
}

// Thinking goes back exactly as it came, signature included; thoughts of
// other services are not sent.
void append_thinking(const ReasoningPart& thought, Json& blocks) {
  const Json kept = unpack_replay(kId, thought.replay);
  if (!kept.is_array()) return;
  for (const Json& block : kept) blocks.push_back(block);
}

void append_block(const Part& part, Json& blocks) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    // The service refuses empty text.
    if (text->text.empty()) return;
    blocks.push_back({{"type", "text"}, {"text", text->text}});
  } else if (const auto* image = std::get_if<ImagePart>(&part)) {
    blocks.push_back(image_block(*image));
  } else if (const auto* call = std::get_if<ToolCall>(&part)) {
    blocks.push_back({{"type", "tool_use"},
                      {"id", call->id},
                      {"name", call->name},
                      {"input", history_arguments(call->arguments)}});
  } else if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
    append_thinking(*thought, blocks);
  }
}

// Results of tools first: the service wants them at the start of the message
// that follows the calls.
Json blocks_of(const Message& message) {
  Json blocks = Json::array();
  for (const Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResult>(&part)) {
      blocks.push_back(result_block(*result));
    }
  }
  for (const Part& part : message.parts) append_block(part, blocks);
  return blocks;
}

// Messages of one role in a row become one: results of parallel calls must
// come together.
Json messages_of(const Request& request) {
  Json list = Json::array();
  for (const Message* message : turns(request)) {
    Json blocks = blocks_of(*message);
    if (blocks.empty()) continue;
    const std::string role =
        message->role == Role::kAssistant ? "assistant" : "user";
    if (!list.empty() && list.back()["role"] == role) {
      for (Json& block : blocks) {
        list.back()["content"].push_back(std::move(block));
      }
      continue;
    }
    list.push_back({{"role", role}, {"content", std::move(blocks)}});
  }
  return list;
}

Json choice_of(const Request& request) {
  Json choice{{"type", "auto"}};
  if (request.tool_choice) {
    switch (request.tool_choice->mode) {
      case ToolChoice::Mode::kAuto:
        break;
      case ToolChoice::Mode::kNone:
        return {{"type", "none"}};
      case ToolChoice::Mode::kRequired:
        choice["type"] = "any";
        break;
      case ToolChoice::Mode::kNamed:
        choice = {{"type", "tool"}, {"name", request.tool_choice->name}};
    }
  }
  if (request.parallel_tool_calls) {
    choice["disable_parallel_tool_use"] = !*request.parallel_tool_calls;
  }
  return choice;
}

void write_tools(const Request& request, Json& body) {
  for (const ToolDefinition& tool : request.tools) {
    Json json{{"name", tool.name}};
    if (!tool.description.empty()) json["description"] = tool.description;
    Json schema = parse_object(tool.parameters,
                               "parameters of the tool " + tool.name, kId);
    if (!schema.contains("type")) schema["type"] = "object";
    json["input_schema"] = std::move(schema);
    body["tools"].push_back(std::move(json));
  }
  if (request.tool_choice || request.parallel_tool_calls) {
    body["tool_choice"] = choice_of(request);
  }
}

void write_format(const ResponseFormat& format, Json& body) {
  if (format.kind == ResponseFormat::Kind::kText) return;
  if (format.kind == ResponseFormat::Kind::kJsonObject) {
    refuse_feature("JSON answers without a schema", kId,
                   "Give a schema, with the kind kJsonSchema.");
  }
  body["output_config"]["format"] = {
      {"type", "json_schema"},
      {"schema", closed_for_services(parse_object(
                     format.schema, "the schema of response_format", kId))}};
}

// Major and minor version in a name as claude-sonnet-4-5-20250929 or
// claude-3.7-sonnet; nothing in others.
std::optional<std::pair<int, int>> version_of(std::string_view model) {
  const std::size_t start = model.find("claude");
  if (start == std::string_view::npos) return std::nullopt;
  model.remove_prefix(start);
  std::vector<int> numbers;
  while (!model.empty() && numbers.size() < 2) {
    const std::string_view piece = model.substr(0, model.find_first_of("-.@:"));
    int number = 0;
    const auto [end, error] =
        std::from_chars(piece.data(), piece.data() + piece.size(), number);
    const bool is_number =
        error == std::errc{} && end == piece.data() + piece.size();
    if (is_number && number >= 100) break;  // a date
    if (is_number) numbers.push_back(number);
    if (!is_number && !numbers.empty()) break;
    model.remove_prefix(std::min(piece.size() + 1, model.size()));
  }
  if (numbers.empty()) return std::nullopt;
  return std::pair(numbers[0], numbers.size() > 1 ? numbers[1] : 0);
}

// Models from 4.6 on decide themselves how long they think. New names count as
// new models.
bool thinks_adaptively(std::string_view model) {
  const auto version = version_of(model);
  return !version || *version >= std::pair(4, 6);
}

// Older ones are given tokens to think with, which count as max_tokens do and
// must leave some of these.
void write_budget(ReasoningEffort effort, std::optional<int> max_tokens,
                  Json& body) {
  constexpr int kLeast = 1024;  // the service's
  const int wanted = effort == ReasoningEffort::kLow      ? kLeast
                     : effort == ReasoningEffort::kMedium ? 4 * kLeast
                                                          : 16 * kLeast;
  if (!max_tokens) {
    body["max_tokens"] = kAnthropicMaxTokens + wanted;
  } else if (*max_tokens <= kLeast) {
    throw InvalidParameterError(
        "[anthropic] max_tokens is " + std::to_string(*max_tokens) +
            ", but with reasoning_effort this model needs more than " +
            std::to_string(kLeast),
        "Raise max_tokens, or leave reasoning_effort out.", kId);
  }
  body["thinking"] = {
      {"type", "enabled"},
      {"budget_tokens",
       max_tokens ? std::min(wanted, std::max(kLeast, *max_tokens / 2))
                  : wanted}};
}

void write_effort(const ChatCall& call, Json& body) {
  if (!call.request.reasoning_effort) return;
  const ReasoningEffort effort = *call.request.reasoning_effort;
  if (effort == ReasoningEffort::kOff) {
    body["thinking"] = {{"type", "disabled"}};
  } else if (thinks_adaptively(call.model)) {
    body["thinking"] = {{"type", "adaptive"}, {"display", "summarized"}};
    body["output_config"]["effort"] = std::string(to_string(effort));
  } else {
    write_budget(effort, call.parameters.max_tokens, body);
  }
}

class AnthropicMessages : public Dialect {
 public:
  std::string_view provider() const override { return kId; }

  WireRequest write(const ChatCall& call) const override {
    check_request(call.request, kId, /* takes_raw_prompt = */ false);
    refuse_detail(call.request, kId);
    Json body{{"model", call.model}, {"max_tokens", kAnthropicMaxTokens}};
    if (const auto text = system_text(call.request)) body["system"] = *text;
    body["messages"] = messages_of(call.request);
    body["stream"] = true;
    write_parameters(call.parameters, ParameterColumn::kAnthropic, body);
    write_tools(call.request, body);
    write_format(call.request.response_format, body);
    write_effort(call, body);
    return {"/v1/messages", dump(body)};
  }

  std::unique_ptr<AnswerReader> reader(const ChatCall& call) const override {
    return anthropic_reader(call.model);
  }
};

}  // namespace

std::unique_ptr<Dialect> anthropic_dialect() {
  return std::make_unique<AnthropicMessages>();
}

}  // namespace abstractllm::providers
