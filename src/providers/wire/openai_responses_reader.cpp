// The stream of /responses: semantic events up to one that ends the response.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_responses_reader.h"

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "net/sse_reader.h"
#include "providers/wire/errors.h"
#include "providers/wire/json.h"
#include "providers/wire/openai_parts.h"
#include "providers/wire/request_parts.h"
#include "providers/wire/whole_body.h"

namespace abstractllm::providers {
namespace {

const std::string kId = "openai-responses";

class Reader : public AnswerReader {
 public:
  explicit Reader(std::string model) : model_(std::move(model)) {}

  void push(std::string_view bytes, std::vector<Event>& events) override {
    if (whole_.take(bytes)) return;
    sse_.push(bytes);
    while (const auto event = sse_.next()) {
      if (ended_ || event->data == "[DONE]") continue;
      take(parse_wire_json(event->data, kId), events);
    }
  }

  void finish(std::vector<Event>& events) override {
    if (!whole_.text().empty() && !ended_) {
      take_whole(parse_wire_json(whole_.text(), kId), events);
    }
    if (!ended_) throw truncated_stream(kId);
  }

  const Usage& usage() const override { return usage_; }

 private:
  void take(const Json& json, std::vector<Event>& events) {
    const std::string type = text_at(json, "type");
    began_ = began_ || type.ends_with(".delta") ||
             type == "response.output_item.done";
    if (type == "response.output_text.delta" ||
        type == "response.refusal.delta") {
      TextDelta text{text_at(json, "delta"),
                     read_logprobs(member(json, "logprobs"))};
      if (!text.text.empty() || !text.logprobs.empty()) {
        events.push_back(std::move(text));
      }
    } else if (type == "response.reasoning_summary_text.delta" ||
               type == "response.reasoning_text.delta") {
      events.push_back(ReasoningDelta{text_at(json, "delta")});
    } else if (type == "response.reasoning_summary_part.added" &&
               int_at(json, "summary_index") > 0) {
      events.push_back(ReasoningDelta{"\n\n"});
    } else if (type == "response.output_item.done") {
      take_item(member(json, "item"));
    } else if (type == "response.completed" || type == "response.incomplete" ||
               type == "response.failed") {
      end(type, member(json, "response"), events);
    } else if (type == "error") {
      const Json& inner = member(json, "error");
      throw service_error(read_fault(inner.is_null() ? json : inner),
                          {.provider = kId, .model = model_});
    }
  }

  // A response that did not stream.
  void take_whole(const Json& response, std::vector<Event>& events) {
    const std::string status = text_at(response, "status");
    if (status == "completed" || status == "incomplete" || status == "failed") {
      end("response." + status, response, events);
      return;
    }
    const Json& error = member(response, "error");
    if (error.is_null()) return;
    throw service_error(read_fault(error), {.provider = kId, .model = model_});
  }

  // Of a response that came without events for what is in it.
  void take_output(const Json& output, std::vector<Event>& events) {
    if (!output.is_array()) return;
    for (const Json& item : output) {
      for (const Json& part : member(item, "summary")) {
        events.push_back(ReasoningDelta{text_at(part, "text")});
      }
      for (const Json& part : member(item, "content")) {
        TextDelta text{text_at(part, "text") + text_at(part, "refusal"),
                       read_logprobs(member(part, "logprobs"))};
        if (text_at(part, "type") == "reasoning_text") {
          events.push_back(ReasoningDelta{std::move(text.text)});
        } else if (!text.text.empty() || !text.logprobs.empty()) {
          events.push_back(std::move(text));
        }
      }
      take_item(item);
    }
  }

  // Arguments stream too, but the item that is done has them whole.
  void take_item(const Json& item) {
    const std::string type = text_at(item, "type");
    if (type == "function_call") {
      calls_.push_back({text_at(item, "call_id"), text_at(item, "name"),
                        text_at(item, "arguments")});
    } else if (type == "reasoning") {
      Json kept = item;
      kept.erase("status");
      reasoning_.push_back(std::move(kept));
    }
  }

  void read_usage(const Json& usage) {
    usage_.prompt_tokens = int_at(usage, "input_tokens");
    usage_.completion_tokens = int_at(usage, "output_tokens");
    usage_.cached_tokens =
        int_at(member(usage, "input_tokens_details"), "cached_tokens");
    usage_.reasoning_tokens =
        int_at(member(usage, "output_tokens_details"), "reasoning_tokens");
  }

  void end(const std::string& type, const Json& response,
           std::vector<Event>& events) {
    read_usage(member(response, "usage"));
    const std::string why =
        text_at(member(response, "incomplete_details"), "reason");
    if (type == "response.failed") {
      throw service_error(read_fault(member(response, "error")),
                          {.provider = kId, .model = model_});
    }
    if (why == "content_filter") {
      throw ContentFilterError(
          "[openai-responses] the service's content filter ended the answer",
          "Say it otherwise.", kId);
    }
    if (!began_) take_output(member(response, "output"), events);
    ended_ = true;
    Finished finished{.usage = usage_};
    if (type == "response.incomplete") finished.reason = FinishReason::kLength;
    if (!reasoning_.empty()) {
      events.push_back(ReasoningDelta{"", pack_replay(kId, reasoning_)});
    }
    for (ToolCall& call : whole_calls(std::move(calls_), finished.reason)) {
      if (finished.reason == FinishReason::kStop) {
        finished.reason = FinishReason::kToolCalls;
      }
      events.push_back(std::move(call));
    }
    events.push_back(std::move(finished));
  }

  const std::string model_;
  net::SseReader sse_;
  WholeBody whole_{kId};
  std::vector<ToolCall> calls_;
  Json reasoning_ = Json::array();
  Usage usage_;
  bool began_ = false;  // events told of the output
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<AnswerReader> openai_responses_reader(
    const std::string& model) {
  return std::make_unique<Reader>(model);
}

}  // namespace abstractllm::providers
