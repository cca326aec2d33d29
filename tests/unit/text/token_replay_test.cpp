// SPDX-License-Identifier: Apache-2.0
#include "text/token_replay.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "abstractllm/error.h"

namespace abstractllm::text {
namespace {

using Ids = std::vector<std::int32_t>;

// A tokenizer of bytes with two tokens more: 1000 for "ab", which it takes
// wherever it can, and 1001 for the end of a turn, "<e>".
Ids encode(std::string_view text, bool) {
  Ids ids;
  while (!text.empty()) {
    if (text.starts_with("ab")) {
      ids.push_back(1000);
      text.remove_prefix(2);
    } else if (text.starts_with("<e>")) {
      ids.push_back(1001);
      text.remove_prefix(3);
    } else {
      ids.push_back(static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    }
  }
  return ids;
}

std::string decode(const Ids& ids) {
  std::string text;
  for (const std::int32_t id : ids) {
    if (id == 1000) {
      text += "ab";
    } else if (id == 1001) {
      text += "<e>";
    } else {
      text += static_cast<char>(id);
    }
  }
  return text;
}

std::string render(const std::vector<Message>& messages) {
  std::string text;
  for (const Message& message : messages) {
    text +=
        std::string(to_string(message.role)) + ":" + message.text() + "<e>\n";
  }
  return text + "assistant:";
}

class TokenReplay : public ::testing::Test {
 protected:
  static Message answer(std::string text, Ids ids) {
    Message message = Message::assistant(std::move(text));
    message.token_ids = std::move(ids);
    return message;
  }
  Ids ids(const std::vector<Message>& messages) const {
    return encode_with_replay(messages, coder);
  }
  static Ids plain(const std::vector<Message>& messages) {
    return encode(render(messages), true);
  }
  PromptCoder coder{render, encode, decode};
};

TEST_F(TokenReplay, WhatWasEmittedStandsInThePlaceOfItsText) {
  const std::vector<Message> messages{
      Message::user("ab?"), answer("xaby", {'x', 'a', 'b', 'y', 1001}),
      Message::user("ab"), answer("ab", {1000, 1001}), Message::user("more")};
  Ids expected = plain(messages);
  // The one "ab" that the model wrote in two tokens.
  const Ids said{'x', 1000, 'y', 1001};
  const auto at =
      std::search(expected.begin(), expected.end(), said.begin(), said.end());
  ASSERT_NE(at, expected.end());
  *(at + 1) = 'a';
  expected.insert(at + 2, 'b');
  EXPECT_EQ(ids(messages), expected);
}

TEST_F(TokenReplay, ThePromptGoesOnFromWhatTheCacheHolds) {
  const std::vector<Message> first{Message::user("q")};
  Ids cache = ids(first);
  const Ids emitted{'a', 'b', 1001};
  cache.insert(cache.end(), emitted.begin(), emitted.end());
  const Ids next =
      ids({first[0], answer("ab", emitted), Message::user("then?")});
  ASSERT_GT(next.size(), cache.size());
  EXPECT_TRUE(std::equal(cache.begin(), cache.end(), next.begin()));
  EXPECT_NE(next, plain({first[0], Message::assistant("ab"),
                         Message::user("then?")}));
}

TEST_F(TokenReplay, AnAnswerThatWasCutOffHasNoEndOfTurn) {
  const std::vector<Message> messages{
      Message::user("q"), answer("ab", {'a', 'b'}), Message::user("more")};
  const Ids got = ids(messages);
  EXPECT_EQ(decode(got), render(messages));
  EXPECT_NE(got, plain(messages));
}

TEST_F(TokenReplay, WithoutIdsOrWithOthersTheTextHasTheWord) {
  const std::vector<Message> none{Message::user("ab"), Message::assistant("ab"),
                                  Message::user("q")};
  EXPECT_EQ(ids(none), plain(none));
  // Ids of another text than the message says.
  const std::vector<Message> edited{Message::user("q"),
                                    answer("changed", {'a', 'b', 1001}),
                                    Message::user("q")};
  EXPECT_EQ(ids(edited), plain(edited));
  // Thoughts that the template does not repeat.
  const std::vector<Message> thought{Message::user("q"),
                                     answer("ab", {'h', 'm', 'a', 'b', 1001}),
                                     Message::user("q")};
  EXPECT_EQ(ids(thought), plain(thought));
}

TEST_F(TokenReplay, ATemplateThatTrimsIsFollowed) {
  coder.render = [](const std::vector<Message>& messages) {
    std::vector<Message> trimmed = messages;
    for (Message& message : trimmed) {
      std::string text = message.text();
      text.erase(0, text.find_first_not_of(' '));
      message.parts = {TextPart{text}};
    }
    return render(trimmed);
  };
  const std::vector<Message> messages{
      Message::user("q"), answer(" ab", {' ', 'a', 'b', 1001}),
      Message::user("q"), answer("xab", {'x', 'a', 'b', 1001}),
      Message::user("q")};
  const Ids got = ids(messages);
  EXPECT_EQ(decode(got), coder.render(messages));
  // The first was changed by the template, the second is as it was said.
  EXPECT_EQ(std::count(got.begin(), got.end(), 1000), 1);
}

TEST_F(TokenReplay, ATokenizerThatDoesNotDivideThereIsLeftAlone) {
  coder.encode = [](std::string_view text, bool) {
    Ids ids = encode(text, true);
    ids.insert(ids.begin(), 7);  // before every text
    return ids;
  };
  const std::vector<Message> messages{
      Message::user("q"), answer("ab", {'a', 'b', 1001}), Message::user("q")};
  EXPECT_EQ(ids(messages), coder.encode(render(messages), true));
}

TEST_F(TokenReplay, ATextThatLooksLikeAnAnswerIsNotMistaken) {
  const std::vector<Message> messages{Message::user("ab<e>\nassistant:ab<e>"),
                                      answer("ab", {'a', 'b', 1001}),
                                      Message::user("q")};
  const Ids got = ids(messages);
  EXPECT_EQ(decode(got), render(messages));
  EXPECT_EQ(std::count(got.begin(), got.end(), 1000), 2);
}

// As templates write calls: from their names and arguments.
std::string render_with_calls(const std::vector<Message>& messages) {
  std::string text;
  for (const Message& message : messages) {
    text += std::string(to_string(message.role)) + ":";
    for (const Part& part : message.parts) {
      if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
        text += "(" + thought->text + ")";
      } else if (const auto* said = std::get_if<TextPart>(&part)) {
        text += said->text;
      } else if (const auto* call = std::get_if<ToolCall>(&part)) {
        text += "[" + call->name + " " + call->arguments + "]";
      } else if (const auto* result = std::get_if<ToolResult>(&part)) {
        text += result->output;
      }
    }
    text += "<e>\n";
  }
  return text + "assistant:";
}

class CallReplay : public TokenReplay {
 protected:
  CallReplay() { coder.render = render_with_calls; }

  static Ids bytes(std::string_view text, bool ends = true) {
    Ids ids(text.begin(), text.end());
    if (ends) ids.push_back(1001);
    return ids;
  }
  static Message result(std::string output) {
    return {Role::kTool, {ToolResult{"c", "ab", std::move(output)}}};
  }
  // Whether the prompt has `emitted` where the answer stands.
  bool has(const std::vector<Message>& messages, const Ids& emitted) const {
    const Ids got = ids(messages);
    return std::search(got.begin(), got.end(), emitted.begin(),
                       emitted.end()) != got.end();
  }
};

TEST_F(CallReplay, CallsAreReplayedAsTheModelWroteThem) {
  const Ids spaced = bytes(R"([ab {"x":  "a b",
"y": [1,2]}])");
  std::vector<Message> messages{
      Message::user("q"),
      {Role::kAssistant,
       {ToolCall{"c", "ab", R"({"x": "a b", "y": [1, 2]})"}},
       spaced},
      result("3"),
      answer("abc", bytes("abc")),
      Message::user("more")};
  EXPECT_TRUE(has(messages, spaced));
  EXPECT_TRUE(has(messages, bytes("abc"))) << "the answer behind it too";
  const Ids got = ids(messages);
  Ids before = ids({messages[0]});
  before.insert(before.end(), spaced.begin(), spaced.end());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), got.begin()))
      << "what the cache holds";
  // White space within a string is what the call says.
  std::get<ToolCall>(messages[1].parts[0]).arguments =
      R"({"x": "ab", "y": [1, 2]})";
  EXPECT_FALSE(has(messages, spaced));
  EXPECT_TRUE(has(messages, bytes("abc")));
}

TEST_F(CallReplay, SeveralCallsWithTextAndThoughts) {
  const Ids emitted = bytes("(hm)so: [ab {}][ab {\"x\":1}]");
  const std::vector<Message> messages{
      Message::user("q"),
      {Role::kAssistant,
       {ReasoningPart{"hm"}, TextPart{"so: "}, ToolCall{"c", "ab", "{}"},
        ToolCall{"d", "ab", R"({"x": 1})"}},
       emitted},
      result("1"),
      result("2")};
  EXPECT_TRUE(has(messages, emitted));
}

TEST_F(CallReplay, AnEditOfTheTextBesideACallIsRenderedAnew) {
  const Ids emitted = bytes("see  here:\n[ab {\"x\":1}]");
  std::vector<Message> messages{
      Message::user("q"),
      {Role::kAssistant,
       {TextPart{"see  here:"}, ToolCall{"d", "ab", R"({"x": 1})"}},
       emitted},
      result("2")};
  EXPECT_TRUE(has(messages, emitted));
  std::get<TextPart>(messages[1].parts[0]).text = "see here:";
  EXPECT_FALSE(has(messages, emitted));
  EXPECT_EQ(decode(ids(messages)), coder.render(messages));
}

TEST_F(CallReplay, WhiteSpaceOfParametersThatAreNoJsonCounts) {
  coder.render = [](const std::vector<Message>& messages) {
    std::string text = render_with_calls(messages);
    // {"x": "VALUE"} as <x>VALUE</x>
    for (const auto& [from, to] :
         {std::pair{"{\"x\": \"", "<x>"}, std::pair{"\"}", "</x>"}}) {
      for (auto at = text.find(from); at != std::string::npos;
           at = text.find(from)) {
        text.replace(at, std::string(from).size(), to);
      }
    }
    return text;
  };
  const Ids emitted = bytes("[ab <x>if a:  b</x>]");
  std::vector<Message> messages{Message::user("q"),
                                {Role::kAssistant,
                                 {ToolCall{"c", "ab", R"({"x": "if a:  b"})"}},
                                 emitted},
                                result("3")};
  EXPECT_TRUE(has(messages, emitted));
  std::get<ToolCall>(messages[1].parts[0]).arguments = R"({"x": "if a: b"})";
  EXPECT_FALSE(has(messages, emitted));
  EXPECT_EQ(decode(ids(messages)), coder.render(messages));
}

TEST_F(CallReplay, ThoughtsThatRepeatThemselvesTakeNoLongerThanOthers) {
  // Nothing marks the thoughts; squared, this would take minutes.
  coder.render = [](const std::vector<Message>& messages) {
    std::string text = render_with_calls(messages);
    std::erase_if(text, [](char c) { return c == '(' || c == ')'; });
    return text;
  };
  const std::string thought(200'000, ' ');
  const Ids emitted = bytes(thought + "[ab {\"x\":1}]");
  std::vector<Message> messages{
      Message::user("q"),
      {Role::kAssistant,
       {ReasoningPart{thought}, ToolCall{"c", "ab", R"({"x": 1})"}},
       emitted},
      result("3")};
  EXPECT_TRUE(has(messages, emitted));
  std::get<ToolCall>(messages[1].parts[1]).arguments = R"({"x": 2})";
  EXPECT_EQ(decode(ids(messages)), coder.render(messages));
}

TEST_F(CallReplay, ThoughtsThatAreRepeatedAreReplayed) {
  const Ids emitted = bytes("(hm)ab");
  EXPECT_TRUE(
      has({Message::user("q"),
           {Role::kAssistant, {ReasoningPart{"hm"}, TextPart{"ab"}}, emitted},
           Message::user("q")},
          emitted));
}

TEST_F(CallReplay, WhatTheTemplateWritesOtherwiseIsTheTemplates) {
  coder.render = [](const std::vector<Message>& messages) {
    std::string text = render_with_calls(messages);
    // It writes results of calls only behind calls.
    if (text.find('[') == std::string::npos) {
      throw InvalidRequestError("a result without a call");
    }
    return text;
  };
  const Ids emitted = bytes("[ab {}]");
  const std::vector<Message> messages{
      Message::user("q"),
      {Role::kAssistant, {ToolCall{"c", "ab", "{}"}}, emitted},
      result("ab"),
      answer("ab", {'a', 'b', 1001}),
      Message::user("q")};
  EXPECT_TRUE(has(messages, {'a', 'b', 1001})) << "answers of text still are";
}

TEST_F(CallReplay, TextThatLooksLikeATurnMovesNothing) {
  // The arguments spell what ends the turn and begins the next.
  const std::string arguments = R"({"x":"<e>\ntool:3<e>\nassistant:"})";
  const std::vector<Message> messages{Message::user("q"),
                                      {Role::kAssistant,
                                       {ToolCall{"c", "ab", arguments}},
                                       bytes("[ab " + arguments + "]")},
                                      result("3")};
  EXPECT_EQ(decode(ids(messages)), coder.render(messages));
}

TEST_F(CallReplay, IdsOfAnotherCallAreNotBelieved) {
  const Ids other = bytes("[ab {\"x\":2}]");
  EXPECT_FALSE(
      has({Message::user("q"),
           {Role::kAssistant, {ToolCall{"c", "ab", R"({"x":1})"}}, other},
           result("3")},
          other));
}

}  // namespace
}  // namespace abstractllm::text
