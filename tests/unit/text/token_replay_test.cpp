// SPDX-License-Identifier: Apache-2.0
#include "text/token_replay.h"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST_F(TokenReplay, CallsAndImagesAreLeftToTheText) {
  Message call{Role::kAssistant,
               {TextPart{"ab"}, ToolCall{"c", "f", "{}"}},
               {'a', 'b', 1001}};
  const std::vector<Message> messages{Message::user("q"), call,
                                      Message::user("q")};
  EXPECT_EQ(ids(messages), plain(messages));
}

}  // namespace
}  // namespace abstractllm::text
