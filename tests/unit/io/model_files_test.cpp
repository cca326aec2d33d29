// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ModelFiles, FindsThePartsOfAFolder) {
  const TemporaryFolder folder;
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json",
        "tokenizer_config.json", "chat_template.json", "x.gguf"}) {
    folder.write(name, "{}");
  }
  auto files = ModelFiles::at(folder.path());
  EXPECT_EQ(files.location, folder.path());
  EXPECT_FALSE(files.gguf.has_value());
  EXPECT_EQ(files.config, folder.path() / "config.json");
  EXPECT_EQ(files.generation_config, folder.path() / "generation_config.json");
  EXPECT_EQ(files.tokenizer, folder.path() / "tokenizer.json");
  EXPECT_EQ(files.tokenizer_config, folder.path() / "tokenizer_config.json");
  EXPECT_FALSE(files.special_tokens_map.has_value());
  EXPECT_EQ(files.chat_template, folder.path() / "chat_template.json");
  EXPECT_EQ(files.find("tokenizer.json"), folder.path() / "tokenizer.json");
  EXPECT_FALSE(files.find("preprocessor_config.json").has_value());

  folder.write("chat_template.jinja", "x");
  files = ModelFiles::at(folder.path());
  EXPECT_EQ(files.chat_template, folder.path() / "chat_template.jinja");
}

TEST(ModelFiles, TakesTheOnlyGgufModelOfAFolder) {
  const TemporaryFolder folder;
  folder.write("m-00001-of-00002.GGUF", "x");
  folder.write("m-00002-of-00002.GGUF", "x");
  folder.write("mmproj-model.gguf", "x");
  folder.write("README.md", "x");
  const auto files = ModelFiles::at(folder.path());
  EXPECT_EQ(files.gguf, folder.path() / "m-00001-of-00002.GGUF");
  EXPECT_EQ(files.location, *files.gguf);
  EXPECT_FALSE(files.config.has_value());
  EXPECT_FALSE(files.find("README.md").has_value());
}

TEST(ModelFiles, TellsModelsFromWhatIsPublishedBesideThem) {
  for (const char* name : {"m.gguf", "M.GGUF", "sub/m-Q4_0-00001-of-00002.gguf",
                           "m-imatrix-Q4_K_M.gguf"}) {
    EXPECT_TRUE(is_gguf_model_name(name)) << name;
  }
  const TemporaryFolder folder;
  folder.write("m-Q4_0.gguf", "x");
  for (const char* name :
       {"mmproj-m.gguf", "m-mmproj-f16.gguf", "MMPROJ-m.gguf", "imatrix.gguf",
        "imatrix_unsloth.gguf", "m-imatrix.gguf"}) {
    EXPECT_FALSE(is_gguf_model_name(name)) << name;
    folder.write(name, "x");
  }
  EXPECT_FALSE(is_gguf_model_name("mmproj/m.bin"));
  EXPECT_EQ(ModelFiles::at(folder.path()).gguf, folder.path() / "m-Q4_0.gguf");
}

TEST(ModelFiles, TakesAGgufFile) {
  const TemporaryFolder folder;
  const auto file = folder.write("m.gguf", "x");
  EXPECT_EQ(ModelFiles::at(file).gguf, file);
}

TEST(ModelFiles, SaysWhatAFolderHoldsInsteadOfAModel) {
  const TemporaryFolder folder;
  const auto refusal = [&] {
    return message_of<ModelLoadingError>(
        [&] { ModelFiles::at(folder.path()); });
  };
  EXPECT_THAT(refusal(), HasSubstr("found nothing"));
  folder.write("README.md", "x");
  folder.write("model.bin", "x");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("no config.json"),
                               HasSubstr("found README.md, model.bin")));
  folder.write("a.gguf", "x");
  folder.write("b.gguf", "x");
  EXPECT_THAT(refusal(), HasSubstr("2 GGUF models: a.gguf, b.gguf"));
  for (int i = 0; i < 20; ++i) {
    folder.write("c" + std::to_string(i) + ".gguf", "x");
  }
  EXPECT_THAT(refusal(), HasSubstr("and 14 more"));
}

TEST(ModelFiles, NamesAPathThatIsNoModel) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<ModelNotFoundError>(
                  [&] { ModelFiles::at(folder.path() / "none"); }),
              HasSubstr("none: no such file"));
  const auto file = folder.write("model.safetensors", "x");
  EXPECT_THAT(message_of<ModelLoadingError>([&] { ModelFiles::at(file); }),
              HasSubstr("neither a folder nor a .gguf file"));
}

}  // namespace
}  // namespace abstractllm::io
