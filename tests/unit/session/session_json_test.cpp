// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "session/message_json.h"
#include "session/timestamps.h"
#include "session_fixture.h"

namespace abstractllm {
namespace {

using Json = nlohmann::json;

// One of everything that a session can hold.
SessionState full_state() {
  SessionState state;
  state.id = "0123456789abcdef0123456789abcdef";
  state.name = "Tea & \"bread\"";
  state.system_prompt = "Be kind.";
  state.parameters.temperature = 0.25;
  state.parameters.stop = {"\n\n"};
  state.metadata = {{"topic", "food"}};
  state.first_sent = 1;
  state.summary = "They spoke of tea.";
  state.usage = {10, 2, 5, 1};
  state.provider = "scripted";
  state.model = "m";
  state.created_at = 1735732800123;
  state.updated_at = 1735732860000;
  const auto add = [&](Message message) {
    SessionMessage entry;
    entry.message = std::move(message);
    entry.created_at = state.created_at;
    if (entry.message.role == Role::kAssistant) {
      entry.provider = "scripted";
      entry.model = "m";
    }
    state.messages.push_back(std::move(entry));
  };
  add(Message::user("caf\xC3\xA9 \xF0\x9F\x8D\xB5\n\"quoted\""));
  add({Role::kUser,
       {TextPart{"two"},
        ImagePart{.bytes = std::string("\x89PNG\0x", 6),
                  .media_type = "image/png"},
        TextPart{"texts"}, ImagePart{.path = "a/b.jpg", .detail = "low"},
        ImagePart{.url = "https://example.com/c.png"}}});
  add({Role::kAssistant,
       {ReasoningPart{"hm", "signed"}, TextPart{"Let me see."},
        ToolCall{"call_1", "add", R"({"a": 1})"},
        ToolCall{"call_2", "add", "{}"}}});
  add({Role::kTool,
       {ToolResult{"call_1", "add", "3", false},
        ToolResult{"call_2", "add", "no", true}}});
  add({Role::kAssistant, {TextPart{""}}});
  state.messages.back().finish_reason = FinishReason::kCancelled;
  state.messages.back().message.token_ids = {1, 2, 49151};
  return state;
}

// Acceptance case A10: identical after a round trip.
TEST(AcceptanceA10, ASessionIsTheSameAfterItsJson) {
  const SessionState state = full_state();
  EXPECT_EQ(session_from_json(session_to_json(state)), state);
  EXPECT_EQ(session_from_json(session_to_json(SessionState{})), SessionState{});
}

TEST(SessionJson, HasTheKeysOfAbstractLLM) {
  const Json json = Json::parse(session_to_json(full_state()));
  for (const char* key : {"id", "created_at", "last_updated", "system_prompt",
                          "metadata", "messages", "provider_state"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["created_at"], "2025-01-01T12:00:00.123Z");
  EXPECT_EQ(json["provider_state"]["provider_name"], "scripted");
  EXPECT_EQ(json["provider_state"]["model_name"], "m");
  EXPECT_TRUE(json["provider_state"].contains("provider_config"));
  EXPECT_EQ(json["messages"][0]["role"], "user");
  EXPECT_EQ(json["messages"][0]["content"],
            "caf\xC3\xA9 \xF0\x9F\x8D\xB5\n\"quoted\"");
  EXPECT_FALSE(json["messages"][0].contains("parts"));
}

TEST(SessionJson, ReadsWhatAbstractLLMWrote) {
  const SessionState state = session_from_json(R"({
    "id": "abc", "created_at": "2025-05-15T10:20:30.123456",
    "last_updated": "2025-05-15T10:21:00", "system_prompt": "Be kind.",
    "metadata": {"n": 3}, "provider_state": {
      "provider_name": "openai", "model_name": "gpt", "provider_config": {}},
    "messages": [
      {"role": "system", "content": "Be kind.", "name": null},
      {"role": "user", "content": "2+3?"},
      {"role": "assistant", "content": "Let me see.", "tool_results": [
        {"call_id": "c1", "name": "add", "arguments": {"a": 2, "b": 3},
         "output": "5", "error": null},
        {"call_id": "c2", "name": "sub", "arguments": {}, "output": null,
         "error": "no such tool"}]}]})");
  EXPECT_EQ(state.system_prompt, "Be kind.");
  EXPECT_EQ(state.metadata.at("n"), "3");
  EXPECT_EQ(state.updated_at - state.created_at, 30000 - 123);
  ASSERT_EQ(state.messages.size(), 3u);
  EXPECT_EQ(state.messages[1].message.parts,
            (std::vector<Part>{TextPart{"Let me see."},
                               ToolCall{"c1", "add", R"({"a":2,"b":3})"},
                               ToolCall{"c2", "sub", "{}"}}));
  EXPECT_EQ(state.messages[2].message.parts,
            (std::vector<Part>{ToolResult{"c1", "add", "5", false},
                               ToolResult{"c2", "sub", "no such tool", true}}));
}

TEST(SessionJson, CallsThatAreThereTwiceAreOne) {
  const SessionState state = session_from_json(R"({"messages": [
      {"role": "user", "content": "2+3?"},
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function",
         "function": {"name": "add", "arguments": "{\"a\":2}"}}],
       "tool_results": [
        {"call_id": "c1", "name": "add", "arguments": {"a": 2}, "output": "5"},
        {"call_id": "", "name": "sub", "arguments": {}, "output": "0"}]}]})");
  const auto& answer = state.messages.at(1).message.parts;
  ASSERT_EQ(answer.size(), 2u);
  EXPECT_EQ(answer[0], Part(ToolCall{"c1", "add", R"({"a":2})"}));
  const auto& made = std::get<ToolCall>(answer[1]);
  EXPECT_TRUE(made.id.starts_with("call_")) << made.id;
  EXPECT_EQ(state.messages.at(2).message.parts,
            (std::vector<Part>{ToolResult{"c1", "add", "5", false},
                               ToolResult{made.id, "sub", "0", false}}));
}

TEST(SessionJson, EndlessNestingIsRefused) {
  const std::string deep(200000, '[');
  EXPECT_THROW(
      session_from_json(R"({"metadata": {"a": )" + deep +
                        std::string(200000, ']') + R"(}, "messages": []})"),
      InvalidRequestError);
}

TEST(SessionJson, WhatBelongsToAnswersIsLeftOutOfOtherMessages) {
  const SessionState state = session_from_json(
      R"({"messages": [{"role": "user", "content": "a", "provider": "p",
          "model": "m", "finish_reason": "cancelled", "token_ids": [1]}]})");
  const SessionMessage& message = state.messages.at(0);
  EXPECT_EQ(message.provider, "");
  EXPECT_EQ(message.model, "");
  EXPECT_EQ(message.finish_reason, FinishReason::kStop);
  EXPECT_TRUE(message.message.token_ids.empty());
  EXPECT_EQ(session_from_json(session_to_json(state)), state);
}

TEST(SessionJson, WhatIsWrongIsNamedWithItsPlace) {
  const auto fails = [](const char* json, const char* with) {
    try {
      session_from_json(json, "a.json");
      ADD_FAILURE() << json;
    } catch (const InvalidRequestError& error) {
      EXPECT_NE(error.message().find(with), std::string::npos)
          << error.message();
    }
  };
  fails("[", "a.json");
  fails("[]", "not a JSON object");
  fails("{}", "no list of messages");
  fails(R"({"messages": [{"role": "user", "content": "x"}, 3]})", "message 2");
  fails(R"({"messages": [{"role": "robot"}]})", "unknown role 'robot'");
  fails(R"({"messages": [{"role": "user", "parts": [{"type": "smell"}]}]})",
        "smell");
}

TEST(SessionJson, ParametersAreJudged) {
  EXPECT_THROW(session_from_json(
                   R"({"messages": [], "parameters": {"temperature": 9}})"),
               InvalidParameterError);
}

TEST(Timestamps, AreReadAsTheyAreWritten) {
  for (const std::int64_t time : {0L, 1L, 951782400999L, 4102444800000L}) {
    EXPECT_EQ(session::parse_time(session::format_time(time)), time);
  }
  EXPECT_EQ(session::format_time(951782400999), "2000-02-29T00:00:00.999Z");
  for (const char* bad : {"", "2025", "2025-02-30T00:00:00", "2025-01-01",
                          "2025-01-01T24:00:00", "2025-01-01T00:00:00+02"}) {
    EXPECT_EQ(session::parse_time(bad), std::nullopt) << bad;
  }
}

TEST(SessionMarkdown, ShowsEveryPart) {
  const std::string text = session_to_markdown(full_state());
  EXPECT_TRUE(text.starts_with("# Tea & \"bread\"\n")) << text;
  for (const char* piece :
       {"## System\n\nBe kind.", "## User\n", "*(an image, 6 bytes)*",
        "![image](a/b.jpg)", "## Assistant (m)\n\n> hm\n",
        "Call of `add`:\n\n```\n{\"a\": 1}\n```", "Error of `add`",
        "## Assistant (m), cancelled"}) {
    EXPECT_NE(text.find(piece), std::string::npos) << piece << "\n" << text;
  }
}

TEST(SessionMarkdown, AFenceIsLongerThanWhatItHolds) {
  SessionState state;
  SessionMessage entry;
  entry.message = {Role::kTool, {ToolResult{"c", "f", "```\nx\n```", false}}};
  state.messages = {entry};
  EXPECT_NE(session_to_markdown(state).find("````\n```\nx\n```\n````\n"),
            std::string::npos);
}

TEST(MessageJson, MovingPicturesStayMovingPictures) {
  Message message{
      .role = Role::kUser,
      .parts = {
          ImagePart{.path = "clip/frames", .media_type = "video/frames; fps=2"},
          ImagePart{.bytes = "GIF89a", .media_type = "video/gif"},
          ImagePart{.media_type = "video/jpeg; fps=3",
                    .url = "data:video/jpeg;base64,QQ==,Qg=="},
          TextPart{"What moves?"}}};
  const Message read = session::parse_message(session::message_json(message),
                                              {.where = "test", .message = 1});
  EXPECT_EQ(read.parts, message.parts);
}

}  // namespace
}  // namespace abstractllm
