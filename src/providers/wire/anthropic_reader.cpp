// The stream of /v1/messages: blocks that begin, grow and end.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/anthropic_reader.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "abstractllm/error.h"
#include "net/sse_reader.h"
#include "providers/wire/errors.h"
#include "providers/wire/json.h"
#include "providers/wire/openai_parts.h"
#include "providers/wire/request_parts.h"
#include "providers/wire/whole_body.h"

namespace abstractllm::providers {
namespace {

const std::string kId = "anthropic";

class Reader : public AnswerReader {
 public:
  explicit Reader(std::string model) : model_(std::move(model)) {}

  void push(std::string_view bytes, std::vector<Event>& events) override {
    if (whole_.take(bytes)) return;
    sse_.push(bytes);
    while (const auto event = sse_.next()) {
      if (!ended_) take(parse_wire_json(event->data, kId), events);
    }
  }

  void finish(std::vector<Event>& events) override {
    if (!whole_.text().empty() && !ended_) {
      take_message(parse_wire_json(whole_.text(), kId), events);
    }
    if (!ended_) throw truncated_stream(kId);
  }

  const Usage& usage() const override { return usage_; }

 private:
  // A block of the answer as far as it has come.
  struct Block {
    Json json;              // as it began
    std::string arguments;  // of a tool_use
  };

  void take(const Json& json, std::vector<Event>& events) {
    const std::string type = text_at(json, "type");
    if (type == "content_block_delta") {
      take_delta(blocks_[int_at(json, "index")], member(json, "delta"), events);
    } else if (type == "content_block_start") {
      begin_block(int_at(json, "index"), member(json, "content_block"), events);
    } else if (type == "content_block_stop") {
      end_block(int_at(json, "index"));
    } else if (type == "message_start") {
      read_usage(member(member(json, "message"), "usage"));
    } else if (type == "message_delta") {
      read_usage(member(json, "usage"));
      take_reason(member(json, "delta"));
    } else if (type == "message_stop") {
      end(events);
    } else if (type == "error") {
      throw service_error(read_fault(member(json, "error")),
                          {.provider = kId, .model = model_});
    }
    // Others, as ping, say nothing; new ones may come.
  }

  // An answer that did not stream.
  void take_message(const Json& message, std::vector<Event>& events) {
    const Json& content = member(message, "content");
    if (text_at(message, "type") != "message" || !content.is_array()) {
      take(message, events);
      return;
    }
    read_usage(member(message, "usage"));
    take_reason(message);
    int index = 0;
    for (const Json& block : content) {
      begin_block(index, block, events);
      end_block(index++);
    }
    end(events);
  }

  void begin_block(int index, const Json& block, std::vector<Event>& events) {
    blocks_[index] = {block, ""};
    std::string text = text_at(block, "text");
    if (!text.empty()) events.push_back(TextDelta{std::move(text), {}});
    std::string thought = text_at(block, "thinking");
    if (!thought.empty()) events.push_back(ReasoningDelta{std::move(thought)});
  }

  void take_delta(Block& block, const Json& delta, std::vector<Event>& events) {
    const std::string type = text_at(delta, "type");
    if (type == "text_delta") {
      events.push_back(TextDelta{text_at(delta, "text"), {}});
    } else if (type == "thinking_delta") {
      const std::string text = text_at(delta, "thinking");
      block.json["thinking"] = text_at(block.json, "thinking") + text;
      events.push_back(ReasoningDelta{text});
    } else if (type == "signature_delta") {
      block.json["signature"] =
          text_at(block.json, "signature") + text_at(delta, "signature");
    } else if (type == "input_json_delta") {
      block.arguments += text_at(delta, "partial_json");
    }
  }

  void end_block(int index) {
    const auto found = blocks_.find(index);
    if (found == blocks_.end()) return;
    const auto& [json, arguments] = found->second;
    const std::string type = text_at(json, "type");
    if (type == "thinking" || type == "redacted_thinking") {
      thinking_.push_back(json);
    } else if (type == "tool_use") {
      const Json& input = member(json, "input");
      calls_.push_back(
          {text_at(json, "id"), text_at(json, "name"),
           arguments.empty() && !input.empty() ? dump(input) : arguments});
    }
    blocks_.erase(found);
  }

  // Later counts are totals: they take the place of the earlier ones.
  void read_usage(const Json& usage) {
    if (!usage.is_object()) return;
    const auto read = [&](const char* name, int& count) {
      if (member(usage, name).is_number()) count = int_at(usage, name);
    };
    read("input_tokens", input_);
    read("cache_creation_input_tokens", cache_written_);
    read("cache_read_input_tokens", usage_.cached_tokens);
    read("output_tokens", usage_.completion_tokens);
    usage_.prompt_tokens = input_ + cache_written_ + usage_.cached_tokens;
  }

  void take_reason(const Json& delta) {
    const std::string reason = text_at(delta, "stop_reason");
    stop_text_ = text_at(delta, "stop_sequence");
    if (reason == "max_tokens" || reason == "model_context_window_exceeded") {
      reason_ = FinishReason::kLength;
    } else if (reason == "tool_use") {
      reason_ = FinishReason::kToolCalls;
    } else if (reason == "refusal") {
      throw ContentFilterError(
          "[anthropic] the service ended the answer as "
          "one that it refuses to give",
          "Say it otherwise.", kId);
    } else if (!reason.empty()) {
      reason_ = FinishReason::kStop;
    }
  }

  void end(std::vector<Event>& events) {
    if (!reason_) throw truncated_stream(kId);
    ended_ = true;
    if (!thinking_.empty()) {
      events.push_back(ReasoningDelta{"", pack_replay(kId, thinking_)});
    }
    for (ToolCall& call : whole_calls(std::move(calls_), *reason_)) {
      events.push_back(std::move(call));
    }
    events.push_back(
        Finished{.reason = *reason_, .stop_text = stop_text_, .usage = usage_});
  }

  const std::string model_;
  net::SseReader sse_;
  WholeBody whole_{kId};
  std::map<int, Block> blocks_;
  Json thinking_ = Json::array();
  std::vector<ToolCall> calls_;
  std::optional<FinishReason> reason_;
  std::string stop_text_;
  int input_ = 0;
  int cache_written_ = 0;
  Usage usage_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<AnswerReader> anthropic_reader(const std::string& model) {
  return std::make_unique<Reader>(model);
}

}  // namespace abstractllm::providers
