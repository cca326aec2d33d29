// What tests of the wire protocols share: bytes in, events out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/error.h"
#include "providers/wire/dialect.h"

namespace abstractllm::providers {

using TestJson = nlohmann::ordered_json;

/// The body that `dialect` makes of `request`.
inline TestJson body_of(const Dialect& dialect, const Request& request,
                        const std::string& model = "m") {
  return TestJson::parse(
      dialect.write({request, model, request.parameters}).body);
}

/// What a stream of bytes came to.
struct Outcome {
  std::string text;
  std::string reasoning;
  std::string replay;
  std::vector<TokenLogprob> logprobs;
  std::vector<ToolCall> calls;
  std::optional<Finished> finished;
  std::optional<Error> error;
  int terminal_events = 0;
};

inline Outcome read_pieces(AnswerReader& reader,
                           const std::vector<std::string>& pieces) {
  std::vector<Event> events;
  Outcome outcome;
  try {
    for (const std::string& piece : pieces) reader.push(piece, events);
    reader.finish(events);
  } catch (const Error& error) {
    outcome.error = error;
  }
  for (const Event& event : events) {
    if (is_terminal(event)) ++outcome.terminal_events;
    if (const auto* text = std::get_if<TextDelta>(&event)) {
      outcome.text += text->text;
      outcome.logprobs.insert(outcome.logprobs.end(), text->logprobs.begin(),
                              text->logprobs.end());
    } else if (const auto* thought = std::get_if<ReasoningDelta>(&event)) {
      outcome.reasoning += thought->text;
      outcome.replay += thought->replay;
    } else if (const auto* call = std::get_if<ToolCall>(&event)) {
      outcome.calls.push_back(*call);
    } else if (const auto* finished = std::get_if<Finished>(&event)) {
      outcome.finished = *finished;
    }
  }
  return outcome;
}

inline Outcome read_stream(const Dialect& dialect, const std::string& stream) {
  const Request request;
  return read_pieces(*dialect.reader({request, "m", {}}), {stream});
}

/// Reads `stream` at once, byte by byte and with every cut in two, and checks
/// that the outcome is the same.
inline Outcome read_every_split(const Dialect& dialect,
                                const std::string& stream) {
  const Request request;
  const Outcome whole = read_stream(dialect, stream);
  std::vector<std::vector<std::string>> splits(1);
  for (const char c : stream) splits[0].emplace_back(1, c);
  for (std::size_t cut = 1; cut < stream.size(); cut += 7) {
    splits.push_back({stream.substr(0, cut), stream.substr(cut)});
  }
  for (const auto& pieces : splits) {
    const Outcome other =
        read_pieces(*dialect.reader({request, "m", {}}), pieces);
    EXPECT_EQ(other.text, whole.text);
    EXPECT_EQ(other.reasoning, whole.reasoning);
    EXPECT_EQ(other.calls.size(), whole.calls.size());
    EXPECT_EQ(other.terminal_events, whole.terminal_events);
    EXPECT_EQ(other.error.has_value(), whole.error.has_value());
  }
  return whole;
}

/// Each text as one event without a type.
inline std::string sse(const std::vector<std::string>& data) {
  std::string stream;
  for (const std::string& each : data) stream += "data: " + each + "\n\n";
  return stream;
}

/// A request that has one of everything: system prompt, history with calls
/// and results, an image, tools.
inline Request full_request() {
  Request request;
  request.system_prompt = "Be brief.";
  request.messages = {
      {Role::kUser,
       {TextPart{"What is it?"}, ImagePart{.bytes = "\x89PNG\r\n\x1A\nx"}}},
      {Role::kAssistant,
       {ReasoningPart{"hm"}, TextPart{"Let me look."},
        ToolCall{"c1", "look", R"({"at":"it"})"},
        ToolCall{"c2", "hear", "{}"}}},
      {Role::kTool, {ToolResult{"c1", "look", "a cat"}}},
      {Role::kTool, {ToolResult{"c2", "hear", "broken", true}}},
      Message::user("And?")};
  request.tools = {{"look", "Looks.", R"({"type":"object","properties":{}})"},
                   {"hear", "", "{}"}};
  return request;
}

}  // namespace abstractllm::providers
