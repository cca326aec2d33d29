// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "abstractllm/error.h"
#include "unit/text/test_data.h"

namespace abstractllm::text {
namespace {

std::filesystem::path llama3() {
  return test_data() / "fixtures/text/llama3/tokenizer.json";
}

TEST(Tokenizer, KnowsItsTokens) {
  const auto tokenizer = Tokenizer::from_file(llama3());
  const auto begin = tokenizer.token_to_id("<|begin_of_text|>");
  ASSERT_TRUE(begin.has_value());
  EXPECT_TRUE(tokenizer.is_special(*begin));
  EXPECT_EQ(tokenizer.token_text(*begin), "<|begin_of_text|>");
  EXPECT_THAT(tokenizer.special_ids(), testing::Contains(*begin));
  const auto space = tokenizer.token_to_id("Ġ");
  ASSERT_TRUE(space.has_value());
  EXPECT_FALSE(tokenizer.is_special(*space));
  EXPECT_EQ(tokenizer.token_bytes(*space), " ");
  EXPECT_EQ(tokenizer.token_to_id("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer.token_text(-1), std::nullopt);
  EXPECT_EQ(tokenizer.token_text(tokenizer.vocab_size()), std::nullopt);
  EXPECT_EQ(tokenizer.token_bytes(1 << 30), "");
  EXPECT_TRUE(tokenizer.token_text(tokenizer.vocab_size() - 1).has_value());
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  const auto tokenizer = Tokenizer::from_file(llama3());
  EXPECT_THROW(tokenizer.encode("a\xFF", false), InvalidRequestError);
  EXPECT_TRUE(tokenizer.encode("", false).empty());
  EXPECT_EQ(
      tokenizer.decode(tokenizer.encode(std::string(2, '\0'), false), false),
      std::string(2, '\0'));
}

TEST(Tokenizer, LeavesOutIdsThatAreNoTokens) {
  const auto tokenizer = Tokenizer::from_file(llama3());
  const auto a = *tokenizer.token_to_id("a");
  const std::vector<std::int32_t> ids = {-5, a, 1 << 30, a};
  EXPECT_EQ(tokenizer.decode(ids, false), "aa");
  EXPECT_EQ(tokenizer.decode({}, false), "");
}

TEST(Tokenizer, RefusesDamagedFiles) {
  const std::string whole = read_file(llama3());
  const std::string deep(100'000, '[');
  for (const std::string& json :
       {std::string(), std::string("{}"), std::string("[1, 2"),
        whole.substr(0, whole.size() / 2), std::string("\xFF\xFE"), deep,
        std::string(R"({"version":"1.0","model":{"type":"BPE","vocab":{"a":0},
          "merges":["a b"]}})"),
        std::string(R"({"version":"1.0","model":{"type":"Unigram",
          "vocab":[["a",0.5]],"unk_id":7}})"),
        std::string(R"({"version":"1.0","decoder":{"type":"Nonsense"},
          "model":{"type":"BPE","vocab":{},"merges":[]}})")}) {
    EXPECT_THROW(Tokenizer::from_json(json, "test"), ModelLoadingError)
        << json.substr(0, 60);
  }
  EXPECT_THROW(Tokenizer::from_file("/nonexistent/tokenizer.json"),
               ModelLoadingError);
}

TEST(Tokenizer, NamesTheFileInItsErrors) {
  try {
    Tokenizer::from_json("{}", "folder/tokenizer.json");
    FAIL();
  } catch (const ModelLoadingError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("folder/tokenizer.json"));
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(Tokenizer, EncodesOnManyThreads) {
  const auto tokenizer = Tokenizer::from_file(llama3());
  const std::string text = "The capital of France is Paris.";
  const auto expected = tokenizer.encode(text, true);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        EXPECT_EQ(tokenizer.encode(text, true), expected);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace abstractllm::text
