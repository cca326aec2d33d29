// SPDX-License-Identifier: Apache-2.0
#include "hub/local_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "hub/model_removal.h"
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

TEST_F(LocalModelsTest, SaysHowToFetchWhatMayBeInTheHub) {
  for (const std::string id : {"org/other", "hf:org/other"}) {
    try {
      models_.resolve(id);
      FAIL();
    } catch (const ModelNotFoundError& error) {
      EXPECT_THAT(error.hint(), HasSubstr("allm pull " + id));
    }
  }
}

TEST_F(LocalModelsTest, FindsWhatIsSaidToBeInTheHubInItsCacheAlone) {
  EXPECT_EQ(models_.resolve("hf:gpt2"),
            folder_.path() / "hub/models--gpt2/snapshots/def");
  EXPECT_FALSE(models_.find("hf:smollm2").has_value());
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
  EXPECT_THAT(ids, ElementsAre("Qwen/Qwen3-0.6B", "gpt2", "hf:Qwen/Qwen3-0.6B",
                               "loose.gguf", "many/a.gguf", "many/b.gguf",
                               "org/name", "smollm2", "split"));
  EXPECT_EQ(by_id["Qwen/Qwen3-0.6B"].format, "gguf");
  EXPECT_EQ(by_id["Qwen/Qwen3-0.6B"].bytes, 9u);
  EXPECT_EQ(by_id["org/name"].format, "safetensors");
  EXPECT_EQ(by_id["org/name"].bytes, 7u);
  EXPECT_EQ(by_id["split"].bytes, 6u);
  EXPECT_EQ(by_id["gpt2"].source, "huggingface");
  EXPECT_EQ(by_id["many/a.gguf"].source, "abstractllm");
  for (const std::string& id : ids) {
    EXPECT_EQ(models_.resolve(id), fs::path(by_id[id].path)) << id;
  }
}

TEST_F(LocalModelsTest, SaysOfModelsThatLackAPart) {
  folder_.write("models/torn/model-00001-of-00003.safetensors", "1");
  folder_.write("models/torn/model-00003-of-00003.safetensors", "1");
  folder_.write("models/torn/config.json", "{}");
  folder_.write("models/half/m-00001-of-00002.gguf", "1");
  std::map<std::string, std::string> formats;
  for (const LocalModel& model : models_.list()) {
    formats[model.id] = model.format;
  }
  EXPECT_EQ(formats["torn"], "incomplete");
  EXPECT_EQ(formats["half"], "incomplete");
  EXPECT_EQ(formats["split"], "gguf");
  EXPECT_EQ(formats["org/name"], "safetensors");
  folder_.write("models/torn/model-00002-of-00003.safetensors", "1");
  for (const LocalModel& model : models_.list()) {
    formats[model.id] = model.format;
  }
  EXPECT_EQ(formats["torn"], "safetensors");
}

TEST_F(LocalModelsTest, SeveralThatFitAreListed) {
  write_cached("models--q--many", "abc", "m-Q4_0.gguf");
  write_cached("models--q--many", "abc", "m-Q8_0.gguf");
  try {
    models_.resolve("q/many");
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 models"));
    EXPECT_THAT(error.hint(), HasSubstr("q/many:Q4_0, q/many:Q8_0"));
  }
  const fs::path snapshot =
      folder_.path() / "hub/models--q--many/snapshots/abc";
  for (const char* id : {"q/many:Q8_0", "q/many:q8_0", "q/many@abc:Q8_0",
                         "q/many/m-Q8_0.gguf", "q/many:*8_0*"}) {
    EXPECT_EQ(models_.resolve(id), snapshot / "m-Q8_0.gguf") << id;
  }
  EXPECT_FALSE(models_.find("q/many@other").has_value());
  EXPECT_THROW(models_.resolve("q/many:Q2_K"), ModelNotFoundError);
}

// What `pull` fetches under a name is found under it.
TEST_F(LocalModelsTest, FindsQuantisationsAsPullDoes) {
  for (const char* file :
       {"m-Q4_K_XL.gguf", "m-UD-Q4_K_XL.gguf", "n-Q8_0-00001-of-00002.gguf",
        "n-Q8_0-00002-of-00002.gguf", "BF16/n-00001-of-00001.gguf"}) {
    write_cached("models--u--d", "abc", file);
  }
  const fs::path snapshot = folder_.path() / "hub/models--u--d/snapshots/abc";
  const std::pair<const char*, const char*> cases[] = {
      {"UD-Q4_K_XL", "m-UD-Q4_K_XL.gguf"},
      {"ud-q4_k_xl", "m-UD-Q4_K_XL.gguf"},
      {"m-Q4_K_XL", "m-Q4_K_XL.gguf"},
      {"m-Q4_K_XL.gguf", "m-Q4_K_XL.gguf"},
      {"q8_0", "n-Q8_0-00001-of-00002.gguf"},
      {"n-Q8_0", "n-Q8_0-00001-of-00002.gguf"},
      {"bf16", "BF16/n-00001-of-00001.gguf"}};
  for (const auto& [wanted, file] : cases) {
    EXPECT_EQ(models_.resolve(std::string("u/d:") + wanted), snapshot / file)
        << wanted;
  }
  EXPECT_THROW(models_.resolve("u/d:Q4_K_XL"), InvalidRequestError);
}

TEST_F(LocalModelsTest, LooksIntoTheFoldersOfASnapshotWithoutAModel) {
  write_cached("models--one--below", "abc", "Q4_K_M/m-Q4_K_M.gguf");
  write_cached("models--two--below", "abc", "a/m-Q4_0.gguf");
  write_cached("models--two--below", "abc", "b/m-Q8_0.gguf");
  write_cached("models--not--below", "abc", "model.safetensors");
  write_cached("models--not--below", "abc", "gguf/m-Q8_0.gguf");
  const fs::path hub = folder_.path() / "hub";
  EXPECT_EQ(models_.resolve("one/below"),
            hub / "models--one--below/snapshots/abc/Q4_K_M/m-Q4_K_M.gguf");
  EXPECT_EQ(models_.resolve("two/below:Q8_0"),
            hub / "models--two--below/snapshots/abc/b/m-Q8_0.gguf");
  EXPECT_EQ(models_.resolve("not/below"),
            hub / "models--not--below/snapshots/abc");
  std::vector<std::string> ids;
  for (const LocalModel& model : models_.list()) {
    if (model.id.find("below") != std::string::npos) ids.push_back(model.id);
  }
  EXPECT_THAT(ids, ElementsAre("not/below", "one/below", "two/below:Q4_0",
                               "two/below:Q8_0"));
}

TEST_F(LocalModelsTest, ListsRevisionsWhereThereIsNoMain) {
  write_cached("models--r--s", "abc", "model.safetensors");
  write_cached("models--r--s", "def", "m-1.gguf");
  write_cached("models--r--s", "def", "m-2.gguf");
  folder_.write("hub/models--r--s/refs/refs/pr/7", "def");
  std::vector<std::string> ids;
  for (const LocalModel& model : models_.list()) {
    if (!model.id.starts_with("r/s")) continue;
    ids.push_back(model.id);
    EXPECT_EQ(models_.resolve(model.id), fs::path(model.path));
  }
  EXPECT_THAT(ids, ElementsAre("r/s@abc", "r/s@refs/pr/7:m-1.gguf",
                               "r/s@refs/pr/7:m-2.gguf"));
}

TEST_F(LocalModelsTest, CountsAllPartsOfAModelThatIsNamedByItsFile) {
  const auto found = models_.candidates("split/m-00001-of-00002");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].bytes, 6u);
}

TEST_F(LocalModelsTest, TakesAFolderWithAConfigWhereNothingElseFits) {
  const fs::path dry = folder_.write("dry/config.json", "{}").parent_path();
  EXPECT_EQ(models_.resolve(dry.string()), dry);
  EXPECT_FALSE(models_.find(models_folder().string() + "/notes2").has_value());
  // A path that is not written as one.
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  EXPECT_EQ(models_.find("dry"), "dry");
  fs::current_path(before);
}

TEST_F(LocalModelsTest, TheEndOfAnIdIsEnoughWhereOnlyOneHasIt) {
  EXPECT_EQ(models_.resolve("Name"), models_folder() / "org/name");
  folder_.write("models/other/name/config.json", "{}");
  folder_.write("models/other/name/model.safetensors", "1");
  EXPECT_THAT(
      io::message_of<InvalidRequestError>([&] { models_.resolve("name"); }),
      HasSubstr("'name' may mean 2 models"));
}

class ForeignModels : public testing::Test {
 protected:
  ForeignModels()
      : models_(ModelLocations{.models = folder_.path() / "models",
                               .hugging_face = {},
                               .lm_studio = {folder_.path() / "lm"},
                               .ollama = {folder_.path() / "ollama"}}) {
    folder_.write("lm/org/name/m-Q4_K_M.gguf", "GGUF");
    folder_.write("lm/org/name/mmproj-m.gguf", "GGUF");
    const std::string digest(64, 'a');
    folder_.write("ollama/blobs/sha256-" + digest, "GGUF....");
    for (const char* name :
         {"registry.ollama.ai/library/small/1b",
          "registry.ollama.ai/library/small/latest",
          "registry.ollama.ai/me/own/latest", "hub.example/org/far/Q4"}) {
      folder_.write(
          std::string("ollama/manifests/") + name,
          R"({"layers": [{"mediaType": "application/vnd.ollama.image.template",
              "digest": "sha256:x"},
              {"mediaType": "application/vnd.ollama.image.model",
               "digest": "sha256:)" +
              digest + R"(", "size": 8}]})");
    }
    folder_.write("ollama/manifests/registry.ollama.ai/library/bad/x",
                  R"({"layers": [{"mediaType":
                      "application/vnd.ollama.image.model",
                      "digest": "sha256:../../../etc/passwd"}]})");
    folder_.write("ollama/manifests/registry.ollama.ai/library/bad/y", "[");
  }

  fs::path blob() const {
    return folder_.path() / "ollama/blobs" / ("sha256-" + std::string(64, 'a'));
  }

  io::TemporaryFolder folder_;
  LocalModels models_;
};

TEST_F(ForeignModels, AreListedWithTheirSource) {
  std::vector<std::string> lines;
  for (const LocalModel& model : models_.list()) {
    lines.push_back(model.id + " " + model.source + " " + model.format);
  }
  EXPECT_THAT(lines,
              ElementsAre("hub.example/org/far:Q4 ollama gguf",
                          "me/own:latest ollama gguf", "org/name lmstudio gguf",
                          "small:1b ollama gguf", "small:latest ollama gguf"));
}

TEST_F(ForeignModels, AreFoundByTheNamesOfTheirPrograms) {
  for (const char* id : {"small", "small:latest", "small:1b", "ollama:small",
                         "me/own", "hub.example/org/far:Q4"}) {
    EXPECT_EQ(models_.resolve(id), blob()) << id;
  }
  for (const char* id : {"org/name", "lmstudio:org/name"}) {
    EXPECT_EQ(models_.resolve(id), folder_.path() / "lm/org/name") << id;
  }
  EXPECT_EQ(models_.resolve("org/name:q4_k_m"),
            folder_.path() / "lm/org/name/m-Q4_K_M.gguf");
  EXPECT_FALSE(models_.find("bad:x").has_value());
}

TEST_F(ForeignModels, AreNotOursToRemove) {
  for (const char* id : {"small", "org/name"}) {
    EXPECT_THROW(plan_removal(models_, id), UnsupportedOperationError) << id;
  }
  EXPECT_THROW(plan_removal(models_, (folder_.path() / "lm").string()),
               UnsupportedOperationError);
  EXPECT_THROW(plan_removal(models_, "nothing"), ModelNotFoundError);
}

TEST(Removal, TakesARepositoryASnapshotOrOneQuantisation) {
  const io::TemporaryFolder folder;
  const fs::path cache = folder.path();
  const fs::path repository = cache / "models--q--many";
  for (const char* blob : {"b1", "b2", "b3"}) {
    folder.write(fs::path("models--q--many/blobs") / blob, "1234");
  }
  const auto link = [&](const char* commit, const char* name,
                        const char* blob) {
    const fs::path path = repository / "snapshots" / commit / name;
    fs::create_directories(path.parent_path());
    fs::create_symlink(fs::path("../../blobs") / blob, path);
  };
  link("c1", "m-Q4_0.gguf", "b1");
  link("c1", "m-Q8_0.gguf", "b2");
  link("c2", "m-Q8_0.gguf", "b2");
  link("c2", "m-Q2_K.gguf", "b3");
  folder.write("models--q--many/refs/main", "c1");
  folder.write("models--q--many/refs/v2", "c2");
  folder.write(".locks/models--q--many/b1.lock", "");
  const LocalModels models(ModelLocations{{}, cache});

  const ModelRemoval one = plan_removal(models, "q/many:Q4_0");
  EXPECT_EQ(one.bytes, 4u);
  EXPECT_THAT(one.paths,
              ElementsAre((repository / "snapshots/c1/m-Q4_0.gguf").string(),
                          (repository / "blobs/b1").string()));
  EXPECT_EQ(plan_removal(models, "q/many:Q8_0").bytes, 0u);  // c2 has it too

  remove(plan_removal(models, "q/many@v2"));
  EXPECT_FALSE(fs::exists(repository / "snapshots/c2"));
  EXPECT_FALSE(fs::exists(repository / "refs/v2"));
  EXPECT_FALSE(fs::exists(repository / "blobs/b3"));
  EXPECT_TRUE(fs::exists(repository / "blobs/b2"));
  EXPECT_EQ(models.candidates("q/many").size(), 2u);

  const ModelRemoval whole = plan_removal(models, "q/many");
  EXPECT_EQ(whole.bytes, 8u + 2);
  remove(whole);
  EXPECT_FALSE(fs::exists(repository));
  EXPECT_FALSE(fs::exists(cache / ".locks/models--q--many"));
  EXPECT_TRUE(models.list().empty());
}

// A cache whose links are as hubs' tools make them.
class Removals : public testing::Test {
 protected:
  void link(const std::string& repository, const std::string& commit,
            const std::string& name, const std::string& blob) const {
    const fs::path root = folder_.path() / "hub" / repository;
    folder_.write(root / "blobs" / blob, "1234");
    const fs::path path = root / "snapshots" / commit / name;
    fs::create_directories(path.parent_path());
    fs::path target = "../../blobs";
    if (name.find('/') != name.npos) target = ".." / target;
    fs::create_symlink(target / blob, path);
    folder_.write(root / "refs" / "main", "c1");
  }
  // What is left of a repository: links of snapshot c1 and blobs.
  std::vector<std::string> left(const std::string& repository) const {
    std::vector<std::string> names;
    const fs::path root = folder_.path() / "hub" / repository;
    for (const fs::path& folder : {root / "snapshots/c1", root / "blobs"}) {
      if (!fs::exists(folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_directory()) {
          names.push_back(entry.path().lexically_relative(folder).string());
        }
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  io::TemporaryFolder folder_;
  LocalModels models_{
      ModelLocations{folder_.path() / "models", folder_.path() / "hub"}};
};

TEST_F(Removals, RefuseANameOfTwoModelsAndTakeAllThatAGlobNames) {
  link("models--org--two", "c1", "a-Q4_K_M.gguf", "b1");
  link("models--org--two", "c1", "b-Q4_K_M.gguf", "b2");
  link("models--org--two", "c1", "config.json", "b3");
  try {
    plan_removal(models_, "org/two:Q4_K_M");
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_THAT(error.what(), HasSubstr("names 2 models"));
    EXPECT_THAT(error.hint(), HasSubstr("a-Q4_K_M.gguf, b-Q4_K_M.gguf"));
  }
  const ModelRemoval both = plan_removal(models_, "org/two:*.GGUF");
  EXPECT_EQ(both.bytes, 8u);
  remove(both);
  EXPECT_THAT(left("models--org--two"), ElementsAre("b3", "config.json"));
  EXPECT_THROW(plan_removal(models_, "org/two:*.gguf"), ModelNotFoundError);
  EXPECT_THROW(plan_removal(models_, "org/two:../../refs/main"),
               ModelNotFoundError);
}

TEST_F(Removals, KeepContentThatOtherFilesShare) {
  link("models--q--shared", "c1", "Q4/m-Q4_0.gguf", "b1");
  link("models--q--shared", "c2", "other/name.gguf", "b1");
  link("models--q--shared", "c1", "m-Q8_0.gguf", "b2");
  link("models--q--shared", "c1", "copy/of-it.gguf", "b2");
  link("models--q--shared", "c1", "m-Q2_K.gguf", "b3");
  for (const char* file : {"Q4_0", "Q8_0"}) {
    const ModelRemoval removal =
        plan_removal(models_, std::string("q/shared:") + file);
    EXPECT_EQ(removal.bytes, 0u);
    EXPECT_EQ(removal.paths.size(), 1u);
    remove(removal);
  }
  remove(plan_removal(models_, "q/shared:Q2_K"));
  EXPECT_THAT(left("models--q--shared"),
              ElementsAre("b1", "b2", "copy/of-it.gguf"));
}

TEST_F(Removals, OfASplitModelTakeAllParts) {
  link("models--q--split", "c1", "m-Q4_0-00001-of-00002.gguf", "b1");
  link("models--q--split", "c1", "m-Q4_0-00002-of-00002.gguf", "b2");
  link("models--q--split", "c1", "m-Q8_0.gguf", "b3");
  for (const char* id : {"q/split:Q4_0", "q/split:*Q4_0-00001*",
                         "q/split/m-Q4_0-00002-of-00002.gguf"}) {
    EXPECT_EQ(plan_removal(models_, id).bytes, 8u) << id;
  }
  for (const char* part :
       {"m-00001-of-00002", "m-00002-of-00002", "m-00001-of-00003", "other"}) {
    folder_.write(std::string("models/own/") + part + ".gguf", "123");
  }
  const ModelRemoval own = plan_removal(models_, "own/m-00001-of-00002");
  EXPECT_EQ(own.bytes, 6u);
  const std::string folder = (folder_.path() / "models/own").string();
  EXPECT_THAT(own.paths, ElementsAre(folder + "/m-00001-of-00002.gguf",
                                     folder + "/m-00002-of-00002.gguf"));
}

TEST_F(Removals, TakeWhatWasNeverFetchedToItsEnd) {
  folder_.write("hub/models--org--half/blobs/b1.incomplete", "123");
  folder_.write("hub/.locks/models--org--half/b1.lock", "");
  const auto listed = models_.list();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed.front().id, "org/half");
  EXPECT_EQ(listed.front().format, "incomplete");
  EXPECT_EQ(listed.front().bytes, 3u);
  const ModelRemoval removal = plan_removal(models_, "org/half");
  EXPECT_EQ(removal.bytes, 3u);
  remove(removal);
  EXPECT_FALSE(fs::exists(folder_.path() / "hub/models--org--half"));
  EXPECT_FALSE(fs::exists(folder_.path() / "hub/.locks/models--org--half"));
  EXPECT_THROW(plan_removal(models_, "org/half"), ModelNotFoundError);
}

TEST_F(Removals, OfASharedSnapshotTakeTheRefAlone) {
  link("models--org--both", "c1", "m-Q4_0.gguf", "b1");
  const fs::path root = folder_.path() / "hub/models--org--both";
  folder_.write(root / "refs/feat/x", "c1");
  const ModelRemoval one = plan_removal(models_, "org/both@feat/x");
  EXPECT_EQ(one.bytes, 0u);
  EXPECT_THAT(one.paths, ElementsAre((root / "refs/feat/x").string()));
  remove(one);
  EXPECT_TRUE(models_.find("org/both"));
  // The last one leaves nothing behind.
  remove(plan_removal(models_, "org/both@main"));
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(Removals, OfRevisionsWithoutAMain) {
  link("models--org--revisions", "c2", "m-Q4_0.gguf", "b2");
  link("models--org--revisions", "c3", "m-Q4_0.gguf", "b3");
  fs::remove(folder_.path() / "hub/models--org--revisions/refs/main");
  EXPECT_EQ(plan_removal(models_, "org/revisions@c2:Q4_0").bytes, 4u);
  EXPECT_EQ(plan_removal(models_, "org/revisions@c3").bytes, 4u);
  EXPECT_EQ(plan_removal(models_, "org/revisions").bytes, 8u);
}

TEST_F(Removals, LeaveTheModelsOfFoldersBelow) {
  folder_.write("models/org/stray.gguf", "123");
  folder_.write("models/org/notes.txt", "1");
  folder_.write("models/org/name/config.json", "{}");
  folder_.write("models/org/name/model.safetensors", "1234");
  std::vector<std::string> ids;
  for (const LocalModel& model : models_.list()) ids.push_back(model.id);
  EXPECT_THAT(ids, ElementsAre("org", "org/name"));
  const fs::path org = folder_.path() / "models/org";
  const ModelRemoval removal = plan_removal(models_, "org");
  EXPECT_THAT(removal.paths, ElementsAre((org / "notes.txt").string(),
                                         (org / "stray.gguf").string()));
  EXPECT_EQ(removal.bytes, 4u);
  remove(removal);
  EXPECT_EQ(models_.resolve("org/name"), org / "name");
  EXPECT_THAT(plan_removal(models_, "org/name").paths,
              ElementsAre((org / "name").string()));
}

TEST_F(Removals, TakeTheShortNamesThatOtherCommandsTake) {
  link("models--org--ok2", "c1", "m.gguf", "b1");
  const ModelRemoval removal = plan_removal(models_, "ok2");
  EXPECT_EQ(removal.id, "org/ok2");
  EXPECT_EQ(removal.bytes, 4u + 2);
  link("models--them--ok2", "c1", "m.gguf", "b1");
  EXPECT_THAT(io::message_of<InvalidRequestError>(
                  [&] { plan_removal(models_, "ok2"); }),
              HasSubstr("names no model alone"));
  folder_.write("models/org/ok2/m.gguf", "1");
  EXPECT_EQ(plan_removal(models_, "hf:org/ok2").bytes, 4u + 2);
  EXPECT_EQ(plan_removal(models_, "org/ok2").bytes, 1u);
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
  EXPECT_THAT(locations({{"HOME", "/u"}}).lm_studio,
              ElementsAre("/u/.lmstudio/models", "/u/.cache/lm-studio/models"));
  EXPECT_THAT(locations({{"HOME", "/u"}, {"OLLAMA_MODELS", "/o"}}).ollama,
              ElementsAre("/o"));
  EXPECT_THAT(locations({}).lm_studio, testing::IsEmpty());
}

}  // namespace
}  // namespace abstractllm::hub
