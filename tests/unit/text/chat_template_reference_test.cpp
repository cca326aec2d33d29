// Chat templates against what jinja2 and transformers make of them.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iomanip>
#include <sstream>

#include "abstractllm/error.h"
#include "support/source_folder.h"
#include "text/chat_template.h"
#include "text/special_tokens.h"
#include "unit/text/test_data.h"

namespace abstractllm::text {
namespace {

// "2026-01-02T03:04:05"
std::chrono::local_seconds parse_time(const std::string& text) {
  const auto number = [&](std::size_t at, std::size_t length) {
    return std::stoi(text.substr(at, length));
  };
  const std::chrono::year_month_day date(
      std::chrono::year(number(0, 4)),
      std::chrono::month(static_cast<unsigned>(number(5, 2))),
      std::chrono::day(static_cast<unsigned>(number(8, 2))));
  return std::chrono::local_days(date) + std::chrono::hours(number(11, 2)) +
         std::chrono::minutes(number(14, 2)) +
         std::chrono::seconds(number(17, 2));
}

std::string fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  std::ostringstream hex;
  hex << std::hex << std::setw(16) << std::setfill('0') << hash;
  return hex.str();
}

// Variables as the references have them: everything in one object.
ChatTemplateInput make_input(Json variables, const std::string& now) {
  ChatTemplateInput input;
  input.messages = variables.at("messages").dump();
  if (variables.contains("tools") && !variables["tools"].is_null()) {
    input.tools = variables["tools"].dump();
  }
  input.add_generation_prompt = variables.value("add_generation_prompt", true);
  for (const char* own : {"messages", "tools", "add_generation_prompt"}) {
    variables.erase(own);
  }
  input.variables = variables.dump();
  input.now = parse_time(now);
  return input;
}

class PublishedTemplate : public testing::TestWithParam<std::filesystem::path> {
};

TEST_P(PublishedTemplate, RendersAsJinja2) {
  static const Json kReference =
      read_json(test_data() / "data/templates/rendered.json");
  static const Json kGeneration =
      read_json(abstractllm::test::source_folder() /
                "tests/unit/text/data/generation.json");
  const std::string name = GetParam().filename().string();
  const ChatTemplate chat_template(
      read_file(GetParam()), {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  // The reference was made without the tag `generation`, which transformers
  // has: where it stopped at that tag, another reference tells.
  const bool generates = kGeneration["templates"].contains(name);
  const Json& expectations =
      (generates ? kGeneration : kReference)["templates"][name];
  ASSERT_EQ(expectations.size(), 7u);
  for (const auto& [context, expected] : expectations.items()) {
    SCOPED_TRACE(context);
    const auto input =
        make_input(kReference["contexts"][context], kReference["now"]);
    if (expected.contains("refused")) {
      EXPECT_THROW(chat_template.render(input), InvalidRequestError)
          << expected["refused"];
      continue;
    }
    std::string text;
    ASSERT_NO_THROW(text = chat_template.render(input));
    if (generates) {
      EXPECT_EQ(fnv1a(text), expected["fnv1a"]) << text;
    } else {
      EXPECT_EQ(text, expected["text"]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Text, PublishedTemplate,
    testing::ValuesIn(files_of(test_data() / "data/templates", ".jinja")),
    test_name);

void expect_chat(const ChatTemplate& chat_template, const Json& chat,
                 const std::string& now) {
  Json variables = chat.value("kwargs", Json::object());
  if (variables.is_null()) variables = Json::object();
  variables["messages"] = chat["messages"];
  if (chat.contains("tools")) variables["tools"] = chat["tools"];
  variables["add_generation_prompt"] = chat["add_generation_prompt"];
  const auto input = make_input(variables, now);
  if (chat.contains("rendered")) {
    std::string text;
    ASSERT_NO_THROW(text = chat_template.render(input)) << chat;
    EXPECT_EQ(text, chat["rendered"]);
    return;
  }
  // "TemplateError: words of the template", or the words alone.
  const std::string error = chat["error"];
  try {
    chat_template.render(input);
    ADD_FAILURE() << "not refused: " << error;
  } catch (const InvalidRequestError& refusal) {
    const std::string prefix = "TemplateError: ";
    if (error.starts_with(prefix)) {
      EXPECT_THAT(refusal.what(),
                  testing::HasSubstr(error.substr(prefix.size())));
    }
  }
}

class TokenizerChats : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(TokenizerChats, RenderAsInTransformers) {
  const Json reference = read_json(GetParam());
  if (reference["chat_template"].is_null()) {
    EXPECT_TRUE(reference["chats"].empty());
    return;
  }
  const ChatTemplate chat_template(
      reference["chat_template"].get<std::string>(), reference["special"]);
  EXPECT_FALSE(reference["chats"].empty());
  for (const Json& chat : reference["chats"]) {
    SCOPED_TRACE(chat["case"]);
    expect_chat(chat_template, chat, reference["now"]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Text, TokenizerChats,
    testing::ValuesIn(files_of(test_data() / "fixtures/tokenizers", ".json")),
    test_name);

// The templates and special tokens of the model folders.
TEST(ChatTemplate, FixturesRenderAsInTransformers) {
  int chats = 0;
  for (const auto& folder : fixture_folders()) {
    const Json reference = read_json(folder / "reference.json");
    if (!reference.contains("tokenizer")) continue;
    if (!reference["tokenizer"].contains("chats")) continue;
    if (reference["tokenizer"]["chats"].empty()) continue;
    SCOPED_TRACE(folder);
    const auto source =
        choose_chat_template(read_chat_templates(folder), false);
    ASSERT_TRUE(source.has_value());
    const ChatTemplate chat_template(*source,
                                     read_special_tokens(folder).named);
    for (const Json& chat : reference["tokenizer"]["chats"]) {
      expect_chat(chat_template, chat, "2025-01-31T12:00:00");
      ++chats;
    }
  }
  EXPECT_GT(chats, 10);
}

}  // namespace
}  // namespace abstractllm::text
