// Requests as bodies of /chat/completions.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_chat.h"

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "providers/wire/json.h"
#include "providers/wire/native_schema.h"
#include "providers/wire/openai_parts.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

class Writer {
 public:
  Writer(const OpenAIChatStyle& style, std::string provider)
      : style_(style), provider_(std::move(provider)) {}

  Json body(const ChatCall& call) const {
    Json body{{"model", call.model}};
    if (call.request.prompt) {
      body["prompt"] = *call.request.prompt;
    } else {
      body["messages"] = messages(call.request);
    }
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
    write_parameters(call.parameters, style_.column, body);
    if (call.request.prompt) use_completion_names(body);
    write_tools(call.request, body);
    write_format(call.request.response_format, body);
    write_effort(call.request, body);
    return body;
  }

 private:
  Json messages(const Request& request) const {
    Json list = Json::array();
    if (const auto text = system_text(request)) {
      list.push_back({{"role", "system"}, {"content", *text}});
    }
    for (const Message* message : turns(request)) append(*message, list);
    return list;
  }

  void append(const Message& message, Json& list) const {
    // Each result of a tool is a message of its own, before what the user may
    // add to them.
    for (const Part& part : message.parts) {
      if (const auto* result = std::get_if<ToolResult>(&part)) {
        list.push_back({{"role", "tool"},
                        {"tool_call_id", result->tool_call_id},
                        {"content", result->output}});
      }
    }
    if (message.role == Role::kTool) return;
    Json json{{"role", std::string(to_string(message.role))}};
    Json content = contents(message);
    if (message.role == Role::kAssistant) {
      json["content"] = message.text();
      add_calls(message, json);
      add_reasoning(message, json);
      if (json.contains("tool_calls") && message.text().empty()) {
        json["content"] = nullptr;
      }
    } else if (content.empty()) {
      return;
    } else {
      json["content"] = std::move(content);
    }
    list.push_back(std::move(json));
  }

  // One text, or a list of parts where there are images.
  Json contents(const Message& message) const {
    Json list = Json::array();
    bool has_image = false;
    for (const Part& part : message.parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) {
        list.push_back({{"type", "text"}, {"text", text->text}});
      } else if (const auto* image = std::get_if<ImagePart>(&part)) {
        has_image = true;
        Json url{{"url", image_url(*image, provider_)}};
        if (!image->detail.empty()) url["detail"] = image->detail;
        list.push_back({{"type", "image_url"}, {"image_url", std::move(url)}});
      }
    }
    if (list.empty() || has_image) return list;
    return message.text();
  }

  void add_calls(const Message& message, Json& json) const {
    for (const Part& part : message.parts) {
      const auto* call = std::get_if<ToolCall>(&part);
      if (call == nullptr) continue;
      json["tool_calls"].push_back(
          {{"id", call->id},
           {"type", "function"},
           {"function",
            {{"name", call->name},
             {"arguments", arguments_text(call->arguments)}}}});
    }
  }

  void add_reasoning(const Message& message, Json& json) const {
    if (style_.reasoning_field.empty()) return;
    std::string text;
    for (const Part& part : message.parts) {
      if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
        text += thought->text;
      }
    }
    if (!text.empty()) json[style_.reasoning_field] = text;
  }

  // /completions counts alternatives in "logprobs" itself.
  void use_completion_names(Json& body) const {
    if (body.contains("logprobs")) {
      const int top = int_at(body, "top_logprobs");
      if (body["logprobs"] == true) {
        body["logprobs"] = top;
      } else {
        body.erase("logprobs");
      }
    }
    body.erase("top_logprobs");
  }

  void write_tools(const Request& request, Json& body) const {
    for (const ToolDefinition& tool : request.tools) {
      Json function{{"name", tool.name}};
      if (!tool.description.empty()) function["description"] = tool.description;
      function["parameters"] = parse_object(
          tool.parameters, "parameters of the tool " + tool.name, provider_);
      body["tools"].push_back(
          {{"type", "function"}, {"function", std::move(function)}});
    }
    if (request.tool_choice) body["tool_choice"] = choice(*request.tool_choice);
    if (request.parallel_tool_calls) {
      body["parallel_tool_calls"] = *request.parallel_tool_calls;
    }
  }

  static Json choice(const ToolChoice& choice) {
    switch (choice.mode) {
      case ToolChoice::Mode::kAuto:
        return "auto";
      case ToolChoice::Mode::kNone:
        return "none";
      case ToolChoice::Mode::kRequired:
        return "required";
      case ToolChoice::Mode::kNamed:
        break;
    }
    return {{"type", "function"}, {"function", {{"name", choice.name}}}};
  }

  void write_format(const ResponseFormat& format, Json& body) const {
    switch (format.kind) {
      case ResponseFormat::Kind::kText:
      case ResponseFormat::Kind::kRegex:  // refused by check_request
      case ResponseFormat::Kind::kGrammar:
        return;
      case ResponseFormat::Kind::kJsonObject:
        body["response_format"] = {{"type", "json_object"}};
        if (style_.takes_json_object) return;
        body["response_format"] = {
            {"type", "json_schema"},
            {"json_schema",
             {{"name", format.name}, {"schema", {{"type", "object"}}}}}};
        return;
      case ResponseFormat::Kind::kJsonSchema:
        body["response_format"] = {
            {"type", "json_schema"},
            {"json_schema", named_schema(format, provider_)}};
    }
  }

  void write_effort(const Request& request, Json& body) const {
    if (!request.reasoning_effort) return;
    if (!style_.takes_effort) {
      refuse_feature("levels of reasoning effort", provider_,
                     "Leave reasoning_effort out.");
    }
    const ReasoningEffort effort = *request.reasoning_effort;
    body["reasoning_effort"] = effort == ReasoningEffort::kOff
                                   ? "none"
                                   : std::string(to_string(effort));
  }

  const OpenAIChatStyle& style_;
  const std::string provider_;
};

class OpenAIChat : public Dialect {
 public:
  explicit OpenAIChat(OpenAIChatStyle style) : style_(std::move(style)) {}

  std::string_view provider() const override {
    return provider_of(style_.column);
  }

  WireRequest write(const ChatCall& call) const override {
    const std::string id(provider());
    check_request(call.request, id, style_.takes_raw_prompt);
    return {call.request.prompt ? "/completions" : "/chat/completions",
            dump(Writer(style_, id).body(call))};
  }

  std::unique_ptr<AnswerReader> reader(const ChatCall& call) const override {
    return openai_chat_reader(std::string(provider()), call.model);
  }

 private:
  const OpenAIChatStyle style_;
};

}  // namespace

std::unique_ptr<Dialect> openai_chat_dialect(OpenAIChatStyle style) {
  return std::make_unique<OpenAIChat>(std::move(style));
}

}  // namespace abstractllm::providers
