// Every tokenizer.json of the fixtures against what transformers made of it.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "text/tokenizer.h"
#include "unit/text/test_data.h"

namespace abstractllm::text {
namespace {

using Ids = std::vector<std::int32_t>;

class TokenizerFixture : public testing::TestWithParam<std::filesystem::path> {
};

Paths folders_with_strings() {
  Paths folders;
  for (const auto& folder : fixture_folders()) {
    const Json reference = read_json(folder / "reference.json");
    const Json strings = reference.value(
        Json::json_pointer("/tokenizer/strings"), Json::array());
    if (!strings.empty() &&
        std::filesystem::exists(folder / "tokenizer.json")) {
      folders.push_back(folder);
    }
  }
  return folders;
}

TEST_P(TokenizerFixture, EncodesAndDecodesAsTheReference) {
  const auto tokenizer = Tokenizer::from_file(GetParam() / "tokenizer.json");
  const Json reference = read_json(GetParam() / "reference.json");
  ASSERT_FALSE(reference["tokenizer"]["strings"].empty());
  for (const Json& entry : reference["tokenizer"]["strings"]) {
    const std::string text = entry["text"];
    SCOPED_TRACE(text);
    EXPECT_EQ(tokenizer.encode(text, true), entry["ids"].get<Ids>());
    const Ids plain = entry["ids_without_special"];
    EXPECT_EQ(tokenizer.encode(text, false), plain);
    EXPECT_EQ(tokenizer.decode(plain, false), entry["decoded"]);
  }
}

INSTANTIATE_TEST_SUITE_P(Text, TokenizerFixture,
                         testing::ValuesIn(folders_with_strings()), test_name);

class PublishedTokenizer
    : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(PublishedTokenizer, EncodesAndDecodesAsTheReference) {
  const Json reference = read_json(test_data() / "fixtures/tokenizers" /
                                   (GetParam().filename().string() + ".json"));
  const auto tokenizer = Tokenizer::from_file(GetParam() / "tokenizer.json");
  EXPECT_EQ(tokenizer.vocab_size(), reference["vocab_size"]);
  ASSERT_FALSE(reference["strings"].empty());
  for (const Json& entry : reference["strings"]) {
    const std::string text = entry["text"];
    SCOPED_TRACE(text);
    const Ids ids = entry["ids"];
    EXPECT_EQ(tokenizer.encode(text, false), ids);
    Ids with_special = entry["add_special_prefix"];
    with_special.insert(with_special.end(), ids.begin(), ids.end());
    EXPECT_EQ(tokenizer.encode(text, true), with_special);
    EXPECT_EQ(tokenizer.decode(ids, false), entry["decoded"]);
    EXPECT_EQ(tokenizer.decode(ids, true),
              entry.value("decoded_skip_special", entry["decoded"]));
  }
  for (const Json& chat : reference["chats"]) {
    if (!chat.contains("rendered")) continue;
    const std::string rendered = chat["rendered"];
    EXPECT_EQ(tokenizer.encode(rendered, false), chat["ids"].get<Ids>());
  }
}

Paths published_tokenizers() {
  const std::filesystem::path root = ABSTRACTLLM_TEST_TOKENIZERS;
  Paths folders;
  if (!std::filesystem::is_directory(root)) return folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

// They are fetched at set-up where npm is at hand.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PublishedTokenizer);
INSTANTIATE_TEST_SUITE_P(Npm, PublishedTokenizer,
                         testing::ValuesIn(published_tokenizers()), test_name);

}  // namespace
}  // namespace abstractllm::text
