// SPDX-License-Identifier: Apache-2.0
#include "hub/local_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "unit/io/test_files.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class LocalModelsTest : public testing::Test {
 protected:
  LocalModelsTest()
      : models_(
            ModelLocations{folder_.path() / "models", folder_.path() / "hub"}) {
    folder_.write("models/smollm2/SmolLM2.Q4_1.gguf", "12345");
    folder_.write("models/org/name/config.json", "{}");
    folder_.write("models/org/name/model.safetensors", "1234567");
    folder_.write("models/loose.gguf", "12");
    folder_.write("models/many/a.gguf", "1");
    folder_.write("models/many/b.gguf", "1");
    folder_.write("models/notes/README.md", "no model");
    folder_.write("models/.part/x.gguf", "1");
    folder_.write("models/split/m-00001-of-00002.gguf", "123");
    folder_.write("models/split/m-00002-of-00002.gguf", "123");
    write_cached("models--Qwen--Qwen3-0.6B", "abc", "model.safetensors");
    folder_.write("hub/models--Qwen--Qwen3-0.6B/refs/main", "abc");
    write_cached("models--gpt2", "def", "model.safetensors");
    write_cached("models--only--config", "ghi", "tokenizer.json");
  }

  void write_cached(const std::string& name, const std::string& revision,
                    const std::string& file) {
    const fs::path snapshot = fs::path("hub") / name / "snapshots" / revision;
    folder_.write(snapshot / "config.json", "{}");
    folder_.write(snapshot / file, "1234");
  }

  fs::path models_folder() const { return folder_.path() / "models"; }

  io::TemporaryFolder folder_;
  LocalModels models_;
};

TEST_F(LocalModelsTest, FindsFoldersAndFilesByPath) {
  const fs::path file = models_folder() / "loose.gguf";
  EXPECT_EQ(models_.resolve(file.string()), file);
  const fs::path folder = models_folder() / "org" / "name";
  EXPECT_EQ(models_.resolve(folder.string()), folder);
}

TEST_F(LocalModelsTest, ReturnsAnExistingPathThatIsNoModel) {
  const fs::path folder = models_folder() / "notes";
  EXPECT_EQ(models_.resolve(folder.string()), folder);
}

TEST_F(LocalModelsTest, FindsIdsInTheModelsFolder) {
  EXPECT_EQ(models_.resolve("smollm2"), models_folder() / "smollm2");
  EXPECT_EQ(models_.resolve("org/name"), models_folder() / "org/name");
  EXPECT_EQ(models_.resolve("loose"), models_folder() / "loose.gguf");
  EXPECT_EQ(models_.resolve("loose.gguf"), models_folder() / "loose.gguf");
  EXPECT_EQ(models_.resolve("many/a.gguf"), models_folder() / "many/a.gguf");
}

TEST_F(LocalModelsTest, KnowsAliasesInAnyCase) {
  for (const char* alias : {"smollm2-135m", "SmolLM2-135M-Instruct",
                            "HuggingFaceTB/SmolLM2-135M-Instruct"}) {
    EXPECT_EQ(models_.resolve(alias), models_folder() / "smollm2") << alias;
  }
}

TEST_F(LocalModelsTest, FindsTheMainRevisionInTheHuggingFaceCache) {
  write_cached("models--Qwen--Qwen3-0.6B", "old", "model.safetensors");
  EXPECT_EQ(models_.resolve("Qwen/Qwen3-0.6B"),
            folder_.path() / "hub/models--Qwen--Qwen3-0.6B/snapshots/abc");
}

TEST_F(LocalModelsTest, TakesTheOnlySnapshotWhereNoRevisionIsNamed) {
  EXPECT_EQ(models_.resolve("gpt2"),
            folder_.path() / "hub/models--gpt2/snapshots/def");
}

TEST_F(LocalModelsTest, DoesNotLeaveItsFolders) {
  folder_.write("outside/x.gguf", "1");
  folder_.write("hub/models--bad--ref/refs/main", "../../../outside");
  for (const char* id : {"org/../../outside/x", "../outside", "", "bad/ref"}) {
    EXPECT_FALSE(models_.find(id).has_value()) << id;
  }
}

TEST_F(LocalModelsTest, SaysWhereItLookedAndWhatThereIs) {
  try {
    models_.resolve("smolm2");
    FAIL();
  } catch (const ModelNotFoundError& error) {
    EXPECT_THAT(
        error.what(),
        AllOf(HasSubstr("'smolm2'"), HasSubstr(models_folder().string()),
              HasSubstr((folder_.path() / "hub").string())));
    EXPECT_THAT(error.hint(), AllOf(HasSubstr("Local models: smollm2,"),
                                    HasSubstr("put the model into")));
  }
}

TEST_F(LocalModelsTest, SaysThatAPathDoesNotExist) {
  EXPECT_THAT(io::message_of<ModelNotFoundError>(
                  [&] { models_.resolve("./not-here"); }),
              HasSubstr("./not-here: no such file"));
}

TEST_F(LocalModelsTest, ListsEachModelOnceSorted) {
  folder_.write("models/Qwen/Qwen3-0.6B/x.gguf", "123456789");
  std::vector<std::string> ids;
  std::map<std::string, LocalModel> by_id;
  for (const LocalModel& model : models_.list()) {
    ids.push_back(model.id);
    by_id[model.id] = model;
  }
  EXPECT_THAT(
      ids, ElementsAre("Qwen/Qwen3-0.6B", "gpt2", "loose.gguf", "many/a.gguf",
                       "many/b.gguf", "org/name", "smollm2", "split"));
  EXPECT_EQ(by_id["Qwen/Qwen3-0.6B"].format, "gguf");
  EXPECT_EQ(by_id["Qwen/Qwen3-0.6B"].bytes, 9u);
  EXPECT_EQ(by_id["org/name"].format, "safetensors");
  EXPECT_EQ(by_id["org/name"].bytes, 7u);
  EXPECT_EQ(by_id["split"].bytes, 6u);
  for (const std::string& id : ids) {
    EXPECT_EQ(models_.resolve(id), fs::path(by_id[id].path)) << id;
  }
}

TEST(LocalModels, HasNothingWithoutFolders) {
  const LocalModels none(ModelLocations{"/nonexistent/models", ""});
  EXPECT_THAT(none.list(), testing::IsEmpty());
  EXPECT_THROW(none.resolve("smollm2"), ModelNotFoundError);
}

ModelLocations locations(std::map<std::string, std::string> environment) {
  return ModelLocations::from_environment([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(ModelLocations, FollowTheEnvironment) {
  EXPECT_EQ(locations({{"HOME", "/u"}}).models, "/u/.cache/abstractllm/models");
  EXPECT_EQ(locations({{"HOME", "/u"}}).hugging_face,
            "/u/.cache/huggingface/hub");
  EXPECT_EQ(locations({{"HOME", "/u"}, {"XDG_CACHE_HOME", "/c"}}).models,
            "/c/abstractllm/models");
  EXPECT_EQ(locations({{"ABSTRACTLLM_MODELS_DIR", "/m"}}).models, "/m");
  EXPECT_EQ(locations({{"HF_HOME", "/h"}}).hugging_face, "/h/hub");
  EXPECT_EQ(
      locations({{"HF_HOME", "/h"}, {"HF_HUB_CACHE", "/hc"}}).hugging_face,
      "/hc");
  EXPECT_TRUE(locations({}).models.empty());
}

}  // namespace
}  // namespace abstractllm::hub
