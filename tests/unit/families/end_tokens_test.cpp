// SPDX-License-Identifier: Apache-2.0
#include "families/end_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/json_config.h"

namespace abstractllm::families {
namespace {

using testing::ElementsAre;

std::optional<std::int32_t> lookup(std::string_view text) {
  if (text == "<|im_end|>") return 7;
  if (text == "<|eot_id|>") return 9;
  return std::nullopt;
}

TEST(EndTokens, UnionOfEverySource) {
  const auto config = io::JsonConfig::parse(R"({"eos_token_id": 2})", "c");
  const auto generation =
      io::JsonConfig::parse(R"({"eos_token_id": [5, 2]})", "g");
  EXPECT_THAT(end_tokens({.config = &config,
                          .generation_config = &generation,
                          .tokenizer_ids = {3},
                          .chat_template = "{{ x }}<|im_end|>",
                          .special_token = lookup}),
              ElementsAre(2, 3, 5, 7));
}

TEST(EndTokens, MarkersCountOnlyWhereTheTemplateWritesThem) {
  EXPECT_THAT(end_tokens({.chat_template = "plain", .special_token = lookup}),
              ElementsAre());
  EXPECT_THAT(end_tokens({.chat_template = "a<|eot_id|>b<end_of_turn>",
                          .special_token = lookup}),
              ElementsAre(9));
}

TEST(EndTokens, IdsOutsideOfTheVocabularyEndNothing) {
  const auto config = io::JsonConfig::parse(
      R"({"eos_token_id": [4294967301, -1, 2, 64], "vocab_size": 64})", "c");
  EXPECT_THAT(end_tokens({.config = &config, .special_token = lookup}),
              ElementsAre(2));
  const auto unknown =
      io::JsonConfig::parse(R"({"eos_token_id": [4294967301, -1, 2]})", "c");
  EXPECT_THAT(end_tokens({.config = &unknown, .special_token = lookup}),
              ElementsAre(2));
}

TEST(EndTokens, NullIsAbsent) {
  const auto config = io::JsonConfig::parse(R"({"eos_token_id": null})", "c");
  EXPECT_THAT(end_tokens({.config = &config, .special_token = lookup}),
              ElementsAre());
}

}  // namespace
}  // namespace abstractllm::families
