// SPDX-License-Identifier: Apache-2.0
#include "text/special_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "text/gguf_vocabulary.h"
#include "unit/io/test_files.h"

namespace abstractllm::text {
namespace {

using io::TemporaryFolder;
using testing::ElementsAre;
using testing::Pair;

TEST(SpecialTokens, AreReadFromBothFiles) {
  TemporaryFolder folder;
  folder.write("tokenizer_config.json",
               R"({"bos_token": "<s>", "eos_token": {"content": "</s>",
                   "lstrip": false}, "pad_token": null, "add_bos_token": true,
                   "extra_special_tokens": {"image_token": "<img>"},
                   "additional_special_tokens": ["<a>", {"content": "<b>"}]})");
  folder.write("special_tokens_map.json",
               R"({"eos_token": "other", "unk_token": "<unk>"})");
  const auto tokens = read_special_tokens(folder.path());
  EXPECT_THAT(
      tokens.named,
      ElementsAre(Pair("bos_token", "<s>"), Pair("eos_token", "</s>"),
                  Pair("image_token", "<img>"), Pair("unk_token", "<unk>")));
  EXPECT_THAT(tokens.additional, ElementsAre("<a>", "<b>"));
}

TEST(SpecialTokens, AreNoneWhereThereAreNoFiles) {
  TemporaryFolder folder;
  EXPECT_TRUE(read_special_tokens(folder.path()).named.empty());
  EXPECT_TRUE(read_chat_templates(folder.path()).empty());
}

TEST(SpecialTokens, DamagedFilesAreRefused) {
  TemporaryFolder folder;
  folder.write("tokenizer_config.json", "{\"bos_token\": ");
  EXPECT_THROW(read_special_tokens(folder.path()), ModelLoadingError);
  EXPECT_THROW(read_chat_templates(folder.path()), ModelLoadingError);
  folder.write("tokenizer_config.json", "[]");
  EXPECT_THROW(read_special_tokens(folder.path()), ModelLoadingError);
}

TEST(ChatTemplates, AreFoundInTheOrderOfTransformers) {
  TemporaryFolder folder;
  folder.write("tokenizer_config.json", R"({"chat_template": "config"})");
  EXPECT_THAT(read_chat_templates(folder.path()),
              ElementsAre(Pair("default", "config")));
  folder.write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_THAT(read_chat_templates(folder.path()),
              ElementsAre(Pair("default", "json")));
  folder.write("chat_template.jinja", "jinja");
  folder.write("additional_chat_templates/rag.jinja", "rag");
  {
    const io::TemporaryFolder alone;
    alone.write("additional_chat_templates/tool_use.jinja", "tools");
    alone.write("tokenizer_config.json", R"({"chat_template": "own"})");
    const ChatTemplateSources named = read_chat_templates(alone.path());
    EXPECT_EQ(named.at("tool_use"), "tools");
    EXPECT_EQ(named.at("default"), "own");
  }
  EXPECT_THAT(read_chat_templates(folder.path()),
              ElementsAre(Pair("default", "jinja"), Pair("rag", "rag")));
}

TEST(ChatTemplates, TheOneForToolsIsChosenWhereToolsAreOffered) {
  TemporaryFolder folder;
  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "default", "template": "d"},
                   {"name": "tool_use", "template": "t"}, {"name": 1}, 2]})");
  const auto templates = read_chat_templates(folder.path());
  EXPECT_EQ(choose_chat_template(templates, false), "d");
  EXPECT_EQ(choose_chat_template(templates, true), "t");
  EXPECT_EQ(choose_chat_template({{"default", "d"}}, true), "d");
  EXPECT_EQ(choose_chat_template({{"rag", "r"}}, true), std::nullopt);
}

TEST(ChatTemplates, AreReadFromGguf) {
  int found = 0;
  for (const auto& folder : io::fixtures("gguf")) {
    const auto file = io::GgufFile::open(folder / "model.gguf");
    const auto tokens = special_tokens_of(read_gguf_vocabulary(file));
    EXPECT_TRUE(tokens.named.contains("eos_token")) << folder;
    found += static_cast<int>(read_chat_templates(file).count("default"));
  }
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace abstractllm::text
