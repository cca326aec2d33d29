// Requests as bodies of /responses.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_responses.h"

#include <nlohmann/json.hpp>

#include "providers/wire/json.h"
#include "providers/wire/native_schema.h"
#include "providers/wire/openai_parts.h"
#include "providers/wire/openai_responses_reader.h"
#include "providers/wire/parameter_table.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

const std::string kId = "openai-responses";

// The items of one message: calls, results and reasoning stand beside the
// messages, not in them.
class Items {
 public:
  void append(const Message& message) {
    const bool is_answer = message.role == Role::kAssistant;
    for (const Part& part : message.parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) {
        if (text->text.empty()) continue;
        content_.push_back({{"type", is_answer ? "output_text" : "input_text"},
                            {"text", text->text}});
      } else if (const auto* image = std::get_if<ImagePart>(&part)) {
        Json json{{"type", "input_image"},
                  {"image_url", image_url(*image, kId)}};
        if (!image->detail.empty()) json["detail"] = image->detail;
        content_.push_back(std::move(json));
      } else {
        flush(message.role);
        append_item(part);
      }
    }
    flush(message.role);
  }

  Json take() { return std::move(list_); }

 private:
  void flush(Role role) {
    if (content_.empty()) return;
    list_.push_back({{"type", "message"},
                     {"role", std::string(to_string(role))},
                     {"content", std::move(content_)}});
    content_ = Json::array();
  }

  void append_item(const Part& part) {
    if (const auto* call = std::get_if<ToolCall>(&part)) {
      list_.push_back(
          {{"type", "function_call"},
           {"call_id", call->id},
           {"name", call->name},
           {"arguments", arguments_text(call->arguments)}});
    } else if (const auto* result = std::get_if<ToolResult>(&part)) {
      list_.push_back({{"type", "function_call_output"},
                       {"call_id", result->tool_call_id},
                       {"output", result->output}});
    } else if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
      const Json kept = unpack_replay(kId, thought->replay);
      if (!kept.is_array()) return;
      for (const Json& item : kept) list_.push_back(item);
    }
  }

  Json list_ = Json::array();
  Json content_ = Json::array();
};

void write_tools(const Request& request, Json& body) {
  for (const ToolDefinition& tool : request.tools) {
    Json json{{"type", "function"}, {"name", tool.name}};
    if (!tool.description.empty()) json["description"] = tool.description;
    json["parameters"] = parse_object(
        tool.parameters, "parameters of the tool " + tool.name, kId);
    // The service's default would refuse schemas with optional fields.
    json["strict"] = false;
    body["tools"].push_back(std::move(json));
  }
  if (request.tool_choice) {
    switch (request.tool_choice->mode) {
      case ToolChoice::Mode::kAuto:
        body["tool_choice"] = "auto";
        break;
      case ToolChoice::Mode::kNone:
        body["tool_choice"] = "none";
        break;
      case ToolChoice::Mode::kRequired:
        body["tool_choice"] = "required";
        break;
      case ToolChoice::Mode::kNamed:
        body["tool_choice"] = {{"type", "function"},
                               {"name", request.tool_choice->name}};
    }
  }
  if (request.parallel_tool_calls) {
    body["parallel_tool_calls"] = *request.parallel_tool_calls;
  }
}

void write_format(const ResponseFormat& format, Json& body) {
  switch (format.kind) {
    case ResponseFormat::Kind::kText:
    case ResponseFormat::Kind::kRegex:  // refused by check_request
    case ResponseFormat::Kind::kGrammar:
      return;
    case ResponseFormat::Kind::kJsonObject:
      body["text"]["format"] = {{"type", "json_object"}};
      return;
    case ResponseFormat::Kind::kJsonSchema:
      body["text"]["format"] = {{"type", "json_schema"}};
      body["text"]["format"].update(named_schema(format, kId));
  }
}

void write_effort(const Request& request, Json& body) {
  if (!request.reasoning_effort) return;
  const ReasoningEffort effort = *request.reasoning_effort;
  const bool is_off = effort == ReasoningEffort::kOff;
  body["reasoning"]["effort"] =
      is_off ? "none" : std::string(to_string(effort));
  if (!is_off) body["reasoning"]["summary"] = "auto";
}

// Models that do not reason refuse to be asked for their reasoning.
bool may_reason(const ChatCall& call) {
  if (call.request.reasoning_effort) return true;
  std::string_view model = call.model;
  if (model.starts_with("ft:")) model.remove_prefix(3);
  const bool chats = model.find("-chat") != std::string_view::npos ||
                     model.starts_with("chatgpt-");
  return !chats && !model.starts_with("gpt-4") && !model.starts_with("gpt-3");
}

class OpenAIResponses : public Dialect {
 public:
  std::string_view provider() const override { return kId; }

  WireRequest write(const ChatCall& call) const override {
    return write(call, may_reason(call));
  }

  // Which models reason is known by their names alone, and names are new.
  std::optional<WireRequest> other_way(const ChatCall& call,
                                       const Error& refusal) const override {
    const std::string message = refusal.message();
    const bool about_it = refusal.service().http_status == 400 &&
                          (message.find("ncrypted") != std::string::npos ||
                           message.find("'include") != std::string::npos);
    if (!about_it || !may_reason(call)) return std::nullopt;
    return write(call, false);
  }

  std::unique_ptr<AnswerReader> reader(const ChatCall& call) const override {
    return openai_responses_reader(call.model);
  }

 private:
  static WireRequest write(const ChatCall& call, bool with_reasoning) {
    check_request(call.request, kId, /* takes_raw_prompt = */ false);
    Json body{{"model", call.model}};
    if (const auto text = system_text(call.request)) {
      body["instructions"] = *text;
    }
    Items items;
    for (const Message* message : turns(call.request)) items.append(*message);
    body["input"] = items.take();
    body["stream"] = true;
    body["store"] = false;
    // Without a store the reasoning of a turn comes back with the next one.
    if (with_reasoning) {
      body["include"] = Json::array({"reasoning.encrypted_content"});
    }
    write_parameters(call.parameters, ParameterColumn::kOpenAIResponses, body);
    write_tools(call.request, body);
    write_format(call.request.response_format, body);
    write_effort(call.request, body);
    return {"/responses", dump(body)};
  }
};

}  // namespace

std::unique_ptr<Dialect> openai_responses_dialect() {
  return std::make_unique<OpenAIResponses>();
}

}  // namespace abstractllm::providers
