// Answers of /chat/completions, chunk by chunk.
// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "abstractllm/error.h"
#include "net/sse_reader.h"
#include "providers/wire/errors.h"
#include "providers/wire/json.h"
#include "providers/wire/openai_chat.h"
#include "providers/wire/openai_parts.h"
#include "providers/wire/whole_body.h"

namespace abstractllm::providers {
namespace {

class Reader : public AnswerReader {
 public:
  Reader(std::string provider, std::string model)
      : provider_(std::move(provider)), model_(std::move(model)) {}

  void push(std::string_view bytes, std::vector<Event>& events) override {
    if (whole_.take(bytes)) return;
    sse_.push(bytes);
    while (const auto event = sse_.next()) {
      if (!ended_) take(event->data, events);
    }
  }

  void finish(std::vector<Event>& events) override {
    if (!whole_.text().empty() && !ended_) {
      take_chunk(parse_wire_json(whole_.text(), provider_), events);
    }
    // Some servers leave out the last marker, but none the reason.
    if (!ended_ && reason_) end(events);
    if (!ended_) throw truncated_stream(provider_);
  }

  const Usage& usage() const override { return usage_; }

 private:
  void take(const std::string& data, std::vector<Event>& events) {
    if (data == "[DONE]") {
      if (!reason_) throw truncated_stream(provider_);
      end(events);
      return;
    }
    take_chunk(parse_wire_json(data, provider_), events);
  }

  void take_chunk(const Json& chunk, std::vector<Event>& events) {
    const Json& error = member(chunk, "error");
    if (!error.is_null()) {
      throw service_error(read_fault(error),
                          {.provider = provider_, .model = model_});
    }
    read_usage(member(chunk, "usage"));
    const Json& choices = member(chunk, "choices");
    if (!choices.is_array()) return;
    for (const Json& choice : choices) {
      if (int_at(choice, "index") == 0) take_choice(choice, events);
    }
  }

  void take_choice(const Json& choice, std::vector<Event>& events) {
    const Json& delta = choice.contains("delta") ? member(choice, "delta")
                                                 : member(choice, "message");
    std::string thought = text_at(delta, "reasoning_content");
    if (thought.empty()) thought = text_at(delta, "reasoning");
    if (!thought.empty()) events.push_back(ReasoningDelta{std::move(thought)});
    TextDelta text{
        text_at(delta, "content") + text_at(choice, "text"),
        read_logprobs(member(member(choice, "logprobs"), "content"))};
    // What a model says when it declines stands in the place of the answer.
    text.text += text_at(delta, "refusal");
    if (!text.text.empty() || !text.logprobs.empty()) {
      events.push_back(std::move(text));
    }
    const Json& calls = member(delta, "tool_calls");
    if (calls.is_array()) {
      for (const Json& call : calls) take_call(call);
    }
    const std::string reason = text_at(choice, "finish_reason");
    if (!reason.empty()) take_reason(reason);
  }

  // Servers number the calls of one answer, whose pieces may alternate, or send
  // each whole under the same number with an id of its own.
  void take_call(const Json& piece) {
    const int index = int_at(piece, "index");
    const std::string id = text_at(piece, "id");
    const auto known = places_.find(index);
    const auto is_other = [&](const ToolCall& call) {
      return !id.empty() && !call.id.empty() && id != call.id;
    };
    if (known == places_.end() || is_other(calls_[known->second])) {
      places_[index] = calls_.size();
      calls_.emplace_back();
    }
    ToolCall& call = calls_[places_[index]];
    if (call.id.empty()) call.id = id;
    const Json& function = member(piece, "function");
    if (call.name.empty()) call.name = text_at(function, "name");
    const Json& arguments = member(function, "arguments");
    call.arguments += arguments.is_object() ? dump(arguments)
                                            : text_at(function, "arguments");
  }

  void take_reason(const std::string& reason) {
    if (reason == "length" || reason == "max_tokens") {
      reason_ = FinishReason::kLength;
    } else if (reason == "content_filter") {
      throw ContentFilterError(
          "[" + provider_ + "] the service's content filter ended the answer",
          "Say it otherwise.", provider_);
    } else if (reason == "error") {
      throw service_error({.message = "the model failed"},
                          {.provider = provider_, .model = model_});
    } else {
      reason_ = FinishReason::kStop;
    }
  }

  void read_usage(const Json& usage) {
    if (!usage.is_object()) return;
    usage_.prompt_tokens = int_at(usage, "prompt_tokens");
    usage_.completion_tokens = int_at(usage, "completion_tokens");
    usage_.cached_tokens =
        int_at(member(usage, "prompt_tokens_details"), "cached_tokens");
    if (usage.contains("prompt_cache_hit_tokens")) {
      usage_.cached_tokens = int_at(usage, "prompt_cache_hit_tokens");
    }
    usage_.reasoning_tokens =
        int_at(member(usage, "completion_tokens_details"), "reasoning_tokens");
  }

  void end(std::vector<Event>& events) {
    ended_ = true;
    Finished finished{.reason = *reason_, .usage = usage_};
    for (ToolCall& call : whole_calls(std::move(calls_), *reason_)) {
      if (finished.reason == FinishReason::kStop) {
        finished.reason = FinishReason::kToolCalls;
      }
      events.push_back(std::move(call));
    }
    events.push_back(std::move(finished));
  }

  const std::string provider_;
  const std::string model_;
  net::SseReader sse_;
  WholeBody whole_{provider_};
  std::vector<ToolCall> calls_;
  std::map<int, std::size_t> places_;  // in calls_, by their numbers
  std::optional<FinishReason> reason_;
  Usage usage_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<AnswerReader> openai_chat_reader(const std::string& provider,
                                                 const std::string& model) {
  return std::make_unique<Reader>(provider, model);
}

}  // namespace abstractllm::providers
