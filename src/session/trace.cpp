// Requests as lines of JSON.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>

#include "abstractllm/error.h"
#include "abstractllm/observe.h"
#include "base/log.h"
#include "session/timestamps.h"
#include "session/turn_runner.h"

namespace abstractllm {
namespace {

using Json = nlohmann::ordered_json;

class TraceFile {
 public:
  explicit TraceFile(const std::filesystem::path& file)
      : name_(file.string()),
        descriptor_(::open(file.c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (descriptor_ >= 0) return;
    throw FileProcessingError(
        fmt::format("[trace] cannot open '{}': {}", name_,
                    std::generic_category().message(errno)));
  }
  ~TraceFile() { ::close(descriptor_); }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  // One write a line, so that the lines of several processes do not mix.
  void append(const std::string& line) {
    const ssize_t written = ::write(descriptor_, line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size()) ||
        failed_.exchange(true)) {
      return;
    }
    base::log(base::LogLevel::kWarning, "trace",
              fmt::format("cannot write to '{}'", name_));
  }

 private:
  const std::string name_;
  const int descriptor_;
  std::atomic<bool> failed_ = false;
};

class Tracer {
 public:
  Tracer(const std::filesystem::path& file, const AbstractLLMInterface& llm,
         const TraceOptions& options)
      : file_(file),
        provider_(llm.provider()),
        model_(llm.model()),
        texts_(options.texts) {}

  void start(const ObservedMoment& moment, const Request& request) {
    Json line = {{"time", session::format_time(session::now_ms())},
                 {"provider", provider_},
                 {"model", model_},
                 {"messages", messages_of(request)},
                 {"tools", request.tools.size()},
                 {"parameters", Json::parse(to_json(request.parameters))}};
    const std::lock_guard lock(mutex_);
    open_[moment.request] = std::move(line);
  }

  void end(const ObservedMoment& moment, const ObservedEnd& end) {
    Json line;
    {
      const std::lock_guard lock(mutex_);
      const auto found = open_.find(moment.request);
      if (found == open_.end()) return;
      line = std::move(found->second);
      open_.erase(found);
    }
    line["seconds"] = moment.seconds;
    line["retries"] = end.retries;
    const GenerateResponse& response = end.response;
    put_text(line, "answer", response.content);
    if (!response.reasoning.empty()) {
      put_text(line, "reasoning", response.reasoning);
    }
    for (const ToolCall& call : response.tool_calls) {
      Json one = {{"name", call.name}};
      put_text(one, "arguments", call.arguments);
      line["tool_calls"].push_back(std::move(one));
    }
    if (end.error != nullptr) {
      line["error"] = error_json(*end.error);
    } else {
      line["finish_reason"] = to_string(response.finish_reason);
      line["usage"] = {{"prompt_tokens", response.usage.prompt_tokens},
                       {"cached_tokens", response.usage.cached_tokens},
                       {"completion_tokens", response.usage.completion_tokens}};
      line["time_to_first_token_seconds"] =
          response.timings.time_to_first_token_seconds;
      if (!response.request_id.empty()) {
        line["request_id"] = response.request_id;
      }
    }
    file_.append(line.dump(-1, ' ', false, Json::error_handler_t::replace) +
                 "\n");
  }

 private:
  void put_text(Json& json, const std::string& key,
                const std::string& text) const {
    if (texts_) {
      json[key] = redact_secrets(text);
    } else {
      json[key + "_bytes"] = text.size();
    }
  }

  // What a service says of a failure may quote what it was sent.
  Json error_json(const Error& error) const {
    Json json = {{"name", error.name()}};
    const ServiceReport& service = error.service();
    if (service.http_status != 0) json["http_status"] = service.http_status;
    if (!service.request_id.empty()) json["request_id"] = service.request_id;
    put_text(json, "message", error.message());
    return json;
  }

  Json messages_of(const Request& request) const {
    Json list = Json::array();
    const auto add = [&](std::string_view role, const std::string& text) {
      Json one = {{"role", role}};
      put_text(one, "text", text);
      list.push_back(std::move(one));
    };
    if (request.system_prompt) add("system", *request.system_prompt);
    if (request.prompt) add("prompt", *request.prompt);
    for (const Message& message : request.messages) {
      add(to_string(message.role), text_of(message));
    }
    return list;
  }

  static std::string text_of(const Message& message) {
    std::string text;
    for (const Part& part : message.parts) {
      if (const auto* piece = std::get_if<TextPart>(&part)) {
        text += piece->text;
      } else if (const auto* image = std::get_if<ImagePart>(&part)) {
        text += fmt::format("[image, {} bytes]", image->bytes.size());
      } else if (const auto* call = std::get_if<ToolCall>(&part)) {
        text += fmt::format("[call {} {}]", call->name, call->arguments);
      } else if (const auto* result = std::get_if<ToolResult>(&part)) {
        text += result->output;
      }
    }
    return text;
  }

  TraceFile file_;
  const std::string provider_;
  const std::string model_;
  const bool texts_;
  std::mutex mutex_;
  std::map<std::uint64_t, Json> open_;  // mutex_: requests without an end yet
};

}  // namespace

Observer trace_to_file(const std::filesystem::path& file,
                       const AbstractLLMInterface& llm,
                       const TraceOptions& options) {
  const auto tracer = std::make_shared<Tracer>(file, llm, options);
  Observer observer;
  observer.started = [tracer](const ObservedMoment& moment,
                              const Request& request) {
    tracer->start(moment, request);
  };
  observer.ended = [tracer](const ObservedMoment& moment,
                            const ObservedEnd& end) {
    tracer->end(moment, end);
  };
  return observer;
}

}  // namespace abstractllm
