// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "io/tensor_archive.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

void expect_consistent(const TensorArchive& archive) {
  EXPECT_GT(archive.size(), 5u) << archive.path();
  std::uint64_t bytes = 0;
  for (const std::string& name : archive.names()) {
    const StoredTensor& tensor = archive.at(name);
    EXPECT_EQ(tensor.name, name);
    EXPECT_EQ(checked_byte_count(tensor.type, tensor.element_count()),
              static_cast<std::int64_t>(tensor.bytes.size()))
        << tensor.describe();
    bytes += tensor.bytes.size();
  }
  EXPECT_EQ(archive.total_bytes(), bytes);
}

TEST(TensorArchive, OpensEverySafetensorsFixture) {
  int opened = 0;
  for (const char* kind : {"text", "quant", "vision", "embed"}) {
    for (const auto& folder : fixtures(kind)) {
      SCOPED_TRACE(folder);
      expect_consistent(TensorArchive::open_folder(folder));
      ++opened;
    }
  }
  EXPECT_GT(opened, 0);
}

TEST(TensorArchive, OpensEveryGgufFixture) {
  int opened = 0;
  for (const auto& folder : fixtures("gguf")) {
    SCOPED_TRACE(folder);
    const auto file = folder / "model.gguf";
    expect_consistent(TensorArchive::open_gguf(file));
    const GgufFile gguf = GgufFile::open(file);
    EXPECT_TRUE(gguf.find_string("general.architecture").has_value());
    const auto tokens = gguf.find_strings("tokenizer.ggml.tokens");
    ASSERT_TRUE(tokens.has_value());
    EXPECT_EQ(tokens->size(), 512u);
    ++opened;
  }
  EXPECT_GT(opened, 0);
}

TEST(GgufVocabulary, GivesTokensOfEveryRealVocabulary) {
  const auto folder =
      std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "data" / "vocab";
  int opened = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    SCOPED_TRACE(entry.path());
    const GgufFile gguf = GgufFile::open(entry.path());
    const auto tokens = gguf.find_strings("tokenizer.ggml.tokens");
    ASSERT_TRUE(tokens.has_value());
    EXPECT_GT(tokens->size(), 10'000u);
    const auto types = gguf.find_ints("tokenizer.ggml.token_type");
    ASSERT_TRUE(types.has_value());
    EXPECT_EQ(types->size(), tokens->size());
    EXPECT_TRUE(gguf.find_string("tokenizer.ggml.model").has_value());
    ++opened;
  }
  EXPECT_GT(opened, 0);
}

TEST(TensorArchive, NamesTheNearestOfAMissingTensor) {
  const auto folders = fixtures("text");
  ASSERT_FALSE(folders.empty());
  const auto archive = TensorArchive::open_folder(folders.front());
  EXPECT_THAT(
      message_of<ModelLoadingError>(
          [&] { archive.at("model.embed_token.weight"); }),
      testing::AllOf(testing::HasSubstr("'model.embed_token.weight'"),
                     testing::HasSubstr("nearest: model.embed_tokens.weight")));
}

}  // namespace
}  // namespace abstractllm::io
