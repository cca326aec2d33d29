// Requests as bodies of /api/chat, answers as lines of JSON.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/ollama_chat.h"

#include <map>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/text.h"
#include "net/line_reader.h"
#include "providers/wire/errors.h"
#include "providers/wire/images.h"
#include "providers/wire/json.h"
#include "providers/wire/openai_parts.h"
#include "providers/wire/parameter_table.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

const std::string kId = "ollama";

std::string image_base64(const ImagePart& image) {
  check_image(image, kId);
  if (!image.url.empty() && !image.url.starts_with("data:")) {
    refuse_feature("image URLs", kId, "Give the image as path or bytes.");
  }
  return encode_image(image, kId).base64;
}

// Names of the functions by the id of their call: a result goes back under
// the name.
using CallNames = std::map<std::string, std::string>;

void append_results(const Message& message, const CallNames& names,
                    Json& list) {
  for (const Part& part : message.parts) {
    const auto* result = std::get_if<ToolResult>(&part);
    if (result == nullptr) continue;
    Json json{{"role", "tool"}, {"content", result->output}};
    std::string name = result->name;
    if (const auto found = names.find(result->tool_call_id);
        name.empty() && found != names.end()) {
      name = found->second;
    }
    if (!name.empty()) json["tool_name"] = std::move(name);
    list.push_back(std::move(json));
  }
}

void append(const Message& message, CallNames& names, Json& list) {
  append_results(message, names, list);
  if (message.role == Role::kTool) return;
  Json json{{"role", std::string(to_string(message.role))},
            {"content", message.text()}};
  std::string thought;
  for (const Part& part : message.parts) {
    if (const auto* image = std::get_if<ImagePart>(&part)) {
      json["images"].push_back(image_base64(*image));
    } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
      thought += reasoning->text;
    } else if (const auto* call = std::get_if<ToolCall>(&part)) {
      names[call->id] = call->name;
      json["tool_calls"].push_back(
          {{"function",
            {{"name", call->name},
             {"arguments", history_arguments(call->arguments)}}}});
    }
  }
  if (!thought.empty()) json["thinking"] = thought;
  // A message of results alone has nothing more to say.
  const bool is_empty = message.text().empty() && json.size() == 2;
  if (!is_empty) list.push_back(std::move(json));
}

Json messages_of(const Request& request) {
  Json list = Json::array();
  CallNames names;
  if (const auto text = system_text(request)) {
    list.push_back({{"role", "system"}, {"content", *text}});
  }
  for (const Message* message : turns(request)) append(*message, names, list);
  return list;
}

void write_tools(const Request& request, Json& body) {
  const bool wants_none = request.tool_choice &&
                          request.tool_choice->mode == ToolChoice::Mode::kNone;
  if (request.tool_choice && !wants_none &&
      request.tool_choice->mode != ToolChoice::Mode::kAuto) {
    refuse_feature("forced tool calls", kId, "Use the tool choice auto.");
  }
  if (request.parallel_tool_calls) {
    refuse_feature("limits to parallel tool calls", kId,
                   "Leave parallel_tool_calls out.");
  }
  if (wants_none) return;  // what is not offered is not called
  for (const ToolDefinition& tool : request.tools) {
    body["tools"].push_back(
        {{"type", "function"},
         {"function",
          {{"name", tool.name},
           {"description", tool.description},
           {"parameters",
            parse_object(tool.parameters, "parameters of the tool " + tool.name,
                         kId)}}}});
  }
}

void write_format(const ResponseFormat& format, Json& body) {
  switch (format.kind) {
    case ResponseFormat::Kind::kText:
    case ResponseFormat::Kind::kRegex:  // refused by check_request
    case ResponseFormat::Kind::kGrammar:
      return;
    case ResponseFormat::Kind::kJsonObject:
      body["format"] = "json";
      return;
    case ResponseFormat::Kind::kJsonSchema:
      body["format"] =
          parse_object(format.schema, "the schema of response_format", kId);
  }
}

void write_effort(const Request& request, Json& body) {
  if (!request.reasoning_effort) return;
  if (*request.reasoning_effort == ReasoningEffort::kOff) {
    body["think"] = false;
  } else {
    body["think"] = std::string(to_string(*request.reasoning_effort));
  }
}

class Reader : public AnswerReader {
 public:
  explicit Reader(std::string model) : model_(std::move(model)) {}

  void push(std::string_view bytes, std::vector<Event>& events) override {
    lines_.push(bytes);
    while (const auto line = lines_.next()) take_line(*line, events);
  }

  void finish(std::vector<Event>& events) override {
    // A last line that the end cuts off is no answer's end.
    if (const auto line = lines_.finish(); line && !ended_) {
      if (!base::is_json(*line)) throw truncated_stream(kId);
      take_line(*line, events);
    }
    if (!ended_) throw truncated_stream(kId);
  }

  const Usage& usage() const override { return usage_; }

 private:
  void take_line(const std::string& line, std::vector<Event>& events) {
    if (ended_) return;
    const Json json = parse_wire_json(line, kId);
    const Json& error = member(json, "error");
    if (!error.is_null()) {
      throw service_error(read_fault(error),
                          {.provider = kId, .model = model_});
    }
    const Json& message = member(json, "message");
    std::string thought = text_at(message, "thinking");
    if (thought.empty()) thought = text_at(json, "thinking");
    if (!thought.empty()) events.push_back(ReasoningDelta{std::move(thought)});
    TextDelta text{text_at(message, "content") + text_at(json, "response"),
                   read_logprobs(member(json, "logprobs"))};
    if (!text.text.empty() || !text.logprobs.empty()) {
      events.push_back(std::move(text));
    }
    take_calls(member(message, "tool_calls"), events);
    if (member(json, "done") == true) end(json, events);
  }

  // Calls come whole.
  void take_calls(const Json& list, std::vector<Event>& events) {
    if (!list.is_array()) return;
    for (const Json& each : list) {
      const Json& function = member(each, "function");
      const Json& arguments = member(function, "arguments");
      ToolCall call{text_at(each, "id"), text_at(function, "name"),
                    arguments.is_string() ? arguments.get<std::string>()
                    : arguments.is_null() ? std::string("{}")
                                          : dump(arguments)};
      if (call.id.empty()) call.id = new_call_id();
      events.push_back(std::move(call));
      has_calls_ = true;
    }
  }

  void end(const Json& json, std::vector<Event>& events) {
    ended_ = true;
    usage_.prompt_tokens = int_at(json, "prompt_eval_count");
    usage_.completion_tokens = int_at(json, "eval_count");
    Finished finished{.usage = usage_};
    if (text_at(json, "done_reason") == "length") {
      finished.reason = FinishReason::kLength;
    } else if (has_calls_) {
      finished.reason = FinishReason::kToolCalls;
    }
    finished.timings.queue_seconds = number_at(json, "load_duration") / 1e9;
    finished.timings.prefill_seconds =
        number_at(json, "prompt_eval_duration") / 1e9;
    finished.timings.decode_seconds = number_at(json, "eval_duration") / 1e9;
    events.push_back(std::move(finished));
  }

  const std::string model_;
  net::LineReader lines_;
  Usage usage_;
  bool has_calls_ = false;
  bool ended_ = false;
};

class OllamaChat : public Dialect {
 public:
  std::string_view provider() const override { return kId; }

  WireRequest write(const ChatCall& call) const override {
    check_request(call.request, kId, /* takes_raw_prompt = */ true);
    refuse_detail(call.request, kId);
    Json body{{"model", call.model}, {"stream", true}};
    if (call.request.prompt) {
      body["prompt"] = *call.request.prompt;
      body["raw"] = true;
    } else {
      body["messages"] = messages_of(call.request);
    }
    write_parameters(call.parameters, ParameterColumn::kOllama, body);
    if (call.context_length > 0) {
      body["options"]["num_ctx"] = call.context_length;
    }
    write_tools(call.request, body);
    write_format(call.request.response_format, body);
    write_effort(call.request, body);
    return {call.request.prompt ? "/api/generate" : "/api/chat", dump(body)};
  }

  std::unique_ptr<AnswerReader> reader(const ChatCall& call) const override {
    return std::make_unique<Reader>(call.model);
  }
};

}  // namespace

std::unique_ptr<Dialect> ollama_dialect() {
  return std::make_unique<OllamaChat>();
}

ModelDescription read_ollama_model(std::string_view body) {
  const Json json = parse_wire_json(body, kId);
  const Json& details = member(json, "details");
  ModelDescription description;
  const auto add = [&](const char* key, std::string value) {
    if (!value.empty()) description.emplace_back(key, std::move(value));
  };
  add("architecture", text_at(details, "family"));
  add("format", text_at(details, "format"));
  add("parameters", text_at(details, "parameter_size"));
  add("quantization", text_at(details, "quantization_level"));
  const Json& info = member(json, "model_info");
  if (info.is_object()) {
    for (const auto& [key, value] : info.items()) {
      if (key.ends_with(".context_length")) {
        add("context_length", dump(value));
      }
    }
  }
  std::string capabilities;
  const Json& list = member(json, "capabilities");
  if (list.is_array()) {
    for (const Json& each : list) {
      if (!each.is_string()) continue;
      if (!capabilities.empty()) capabilities += ", ";
      capabilities += each.get<std::string>();
    }
  }
  add("capabilities", capabilities);
  return description;
}

}  // namespace abstractllm::providers
