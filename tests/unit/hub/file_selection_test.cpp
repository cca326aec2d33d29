// SPDX-License-Identifier: Apache-2.0
#include "hub/file_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "unit/io/test_files.h"

namespace abstractllm::hub {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<RemoteFile> files(std::initializer_list<const char*> paths) {
  std::vector<RemoteFile> list;
  for (const char* path : paths) list.push_back({path, 2'000'000'000});
  return list;
}

std::vector<std::string> chosen(const std::vector<RemoteFile>& list,
                                std::string_view wanted = "") {
  std::vector<std::string> paths;
  for (const RemoteFile& file : select_files("o/n", list, wanted)) {
    paths.push_back(file.path);
  }
  return paths;
}

TEST(FileSelection, TakesWeightsConfigsAndTokenizerOfASafetensorsModel) {
  EXPECT_THAT(chosen(files(
                  {".gitattributes", "LICENSE", "README.md", "config.json",
                   "consolidated.safetensors", "generation_config.json",
                   "merges.txt", "model-00001-of-00002.safetensors",
                   "model-00002-of-00002.safetensors", "model.fp16.safetensors",
                   "model.safetensors.index.json", "onnx/model.onnx",
                   "original/params.json", "pytorch_model.bin",
                   "tokenizer.json", "tokenizer.model", "vocab.json",
                   "chat_template.jinja", "1_Pooling/config.json"})),
              ElementsAre("config.json", "generation_config.json", "merges.txt",
                          "model-00001-of-00002.safetensors",
                          "model-00002-of-00002.safetensors",
                          "model.safetensors.index.json", "tokenizer.json",
                          "tokenizer.model", "vocab.json",
                          "chat_template.jinja", "1_Pooling/config.json"));
}

TEST(FileSelection, TakesAConsolidatedFileWhereThereIsNothingElse) {
  EXPECT_THAT(
      chosen(files({"config.json", "consolidated.safetensors", "README.md"})),
      ElementsAre("config.json", "consolidated.safetensors"));
}

TEST(FileSelection, PrefersSafetensorsToGguf) {
  EXPECT_THAT(
      chosen(files({"config.json", "m-Q4_0.gguf", "model.safetensors"})),
      ElementsAre("config.json", "model.safetensors"));
}

TEST(FileSelection, TakesTheOnlyGgufModelWithAllItsParts) {
  EXPECT_THAT(chosen(files({"README.md", "m.gguf", "mmproj-m-f16.gguf"})),
              ElementsAre("m.gguf"));
  EXPECT_THAT(chosen(files({"Q8_0/m-Q8_0-00001-of-00002.gguf",
                            "Q8_0/m-Q8_0-00002-of-00002.gguf"})),
              ElementsAre("Q8_0/m-Q8_0-00001-of-00002.gguf",
                          "Q8_0/m-Q8_0-00002-of-00002.gguf"));
}

TEST(FileSelection, ListsTheChoicesAmongGgufModels) {
  const auto list = files({"m-Q4_K_M.gguf", "m-Q8_0-00001-of-00002.gguf",
                           "m-Q8_0-00002-of-00002.gguf"});
  try {
    chosen(list);
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 GGUF models"));
    EXPECT_THAT(error.hint(),
                AllOf(HasSubstr("allm pull o/n:"),
                      HasSubstr("Q4_K_M (2.0 GB), Q8_0 (4.0 GB)")));
  }
  EXPECT_THAT(chosen(list, "Q8_0"), ElementsAre("m-Q8_0-00001-of-00002.gguf",
                                                "m-Q8_0-00002-of-00002.gguf"));
  EXPECT_THAT(chosen(list, "q4_k_m"), ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(
      io::message_of<InvalidRequestError>([&] { chosen(list, "Q2_K"); }),
      HasSubstr("no GGUF model of 'Q2_K'"));
}

TEST(FileSelection, NamesFilesWhereTwoHaveTheSameQuantisation) {
  const auto list = files({"m-Q4_K_XL.gguf", "m-UD-Q4_K_XL.gguf"});
  try {
    chosen(list, "Q4_K_XL");
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_THAT(error.hint(), AllOf(HasSubstr("m-Q4_K_XL.gguf"),
                                    HasSubstr("m-UD-Q4_K_XL.gguf")));
  }
  EXPECT_THAT(chosen(list, "UD-Q4_K_XL"), ElementsAre("m-UD-Q4_K_XL.gguf"));
  EXPECT_THAT(chosen(list, "m-Q4_K_XL.gguf"), ElementsAre("m-Q4_K_XL.gguf"));
}

TEST(FileSelection, TakesGlobsAsTheHubsToolsDo) {
  const auto list = files({"a.json", "onnx/b.json", "c.gguf"});
  EXPECT_THAT(chosen(list, "*.json"), ElementsAre("a.json", "onnx/b.json"));
  EXPECT_THAT(chosen(list, "[ac].*"), ElementsAre("a.json", "c.gguf"));
  EXPECT_THAT(
      io::message_of<ModelNotFoundError>([&] { chosen(list, "*.bin"); }),
      HasSubstr("no file of o/n fits '*.bin'"));
}

TEST(FileSelection, TakesOneVariantWhereThereIsNothingElse) {
  EXPECT_THAT(chosen(files({"config.json", "model.fp16.safetensors"})),
              ElementsAre("config.json", "model.fp16.safetensors"));
  EXPECT_THAT(
      chosen(files({"config.json", "model.fp16.safetensors",
                    "model.bf16-00001-of-00002.safetensors",
                    "model.bf16-00002-of-00002.safetensors"})),
      ElementsAre("config.json", "model.bf16-00001-of-00002.safetensors",
                  "model.bf16-00002-of-00002.safetensors"));
}

TEST(FileSelection, SaysWhatThereIsInsteadOfWeights) {
  EXPECT_THAT(io::message_of<ModelNotFoundError>([] {
                chosen(files({"config.json", "pytorch_model.bin"}));
              }),
              HasSubstr("it has pytorch_model.bin"));
  EXPECT_THAT(io::message_of<ModelNotFoundError>([] { chosen({}); }),
              HasSubstr("no weights"));
}

TEST(FileSelection, ReadsQuantisationsOutOfNames) {
  EXPECT_EQ(quantisation_in_name("Qwen2.5-7B-Instruct-Q4_K_M.gguf"), "Q4_K_M");
  EXPECT_EQ(quantisation_in_name("a/phi-2.q5_0.gguf"), "Q5_0");
  EXPECT_EQ(quantisation_in_name("m-IQ2_XXS-00001-of-00003.gguf"), "IQ2_XXS");
  EXPECT_EQ(quantisation_in_name("m-bf16.gguf"), "BF16");
  EXPECT_EQ(quantisation_in_name("Q4_0.gguf"), "Q4_0");
  EXPECT_EQ(quantisation_in_name("model.gguf"), "");
  EXPECT_EQ(quantisation_in_name("Qwen3-4B.gguf"), "");
  EXPECT_EQ(gguf_model_name("d/m-00001-of-00002.gguf"), "d/m");
  EXPECT_EQ(gguf_model_name("m-0001-of-0002.GGUF"), "m-0001-of-0002");
}

}  // namespace
}  // namespace abstractllm::hub
