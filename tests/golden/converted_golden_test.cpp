// Every fixture as `allm convert` lays it out for mlx-lm: the same
// outputs, whatever became of its tensors.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "abstractllm/convert.h"
#include "golden/gguf_recipe.h"
#include "golden/golden.h"
#include "golden/vision_golden.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "models/registry.h"
#include "support/source_folder.h"
#include "unit/io/test_files.h"

namespace abstractllm::golden {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> fixtures_of(const std::vector<std::string>& kinds) {
  std::map<std::string, fs::path> by_name;
  for (const fs::path& root : {fs::path(ABSTRACTLLM_TEST_DATA),
                               test::source_folder() / "tests/data"}) {
    for (const std::string& kind : kinds) {
      for (const fs::path& folder : find_fixtures(root / "fixtures" / kind)) {
        by_name.emplace(folder.filename().string(), folder);
      }
    }
  }
  std::vector<fs::path> folders;
  for (const auto& [name, folder] : by_name) folders.push_back(folder);
  return folders;
}

std::vector<fs::path> text_fixtures() { return fixtures_of({"text", "quant"}); }

std::vector<fs::path> vision_fixtures() {
  std::vector<fs::path> folders = fixtures_of({"vision"});
  std::erase_if(folders, [](const fs::path& folder) {
    const auto config = io::JsonConfig::load(folder / "config.json");
    return !models::reads_images(config.require_string("model_type"));
  });
  return folders;
}

std::string name_of(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.filename().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

class Converted : public testing::TestWithParam<fs::path> {
 protected:
  fs::path convert(ConversionOptions options) const {
    options.model = GetParam().string();
    options.output = (folder_.path() / "model").string();
    options.force = true;
    convert_model(options);
    return options.output;
  }

  GoldenResult compare(const fs::path& model) const {
    return run_fixture(GetParam(), exact(model));
  }

  static GoldenOptions exact(const fs::path& model) {
    GoldenOptions options;
    options.engine.cpu_precision = ops::cpu::Precision::kExact;
    options.engine.threads = 1;
    options.model = model;
    return options;
  }

 private:
  io::TemporaryFolder folder_;
};

TEST_P(Converted, GivesWhatThePublishedLayoutGives) {
  const GoldenResult result = compare(convert({.dtype = "float32"}));
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.pass) << to_json(result);
}

// Rounded numbers are others; that every tensor is found again is the point.
TEST_P(Converted, IsReadWhenItIsQuantised) {
  const GoldenResult result =
      compare(convert({.mode = "affine", .bits = 8, .group_size = 32}));
  EXPECT_EQ(result.error, "");
}

TEST_P(Converted, HasStacksInTheNamesOfMlxLm) {
  const auto weights = io::WeightSource::open(io::ModelFiles::at(convert({})));
  for (const std::string& name : weights.names()) {
    EXPECT_EQ(name.find(".experts.0."), name.npos) << name;
    EXPECT_EQ(name.find("_blocks"), name.npos) << name;
    EXPECT_EQ(name.find("gate_up_proj_bias"), name.npos) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Converted,
                         testing::ValuesIn(text_fixtures()), name_of);

class ConvertedGguf : public testing::TestWithParam<const char*> {};

TEST_P(ConvertedGguf, GivesWhatTheCheckpointGives) {
  const fs::path data = test::source_folder() / "tests/data";
  const fs::path fixture = data / "fixtures/text" / GetParam();
  const io::TemporaryFolder folder;
  folder.write("model.gguf", make_gguf(data / "gguf_recipes" /
                                           (std::string(GetParam()) + ".json"),
                                       fixture, /* has_tokens = */ true));
  const fs::path output = folder.path() / "model";
  convert_model({.model = (folder.path() / "model.gguf").string(),
                 .output = output.string(),
                 .dtype = "float32"});
  GoldenOptions options;
  options.engine.cpu_precision = ops::cpu::Precision::kExact;
  options.engine.threads = 1;
  options.model = output;
  const GoldenResult result = run_fixture(fixture, options);
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.pass) << to_json(result);
}

INSTANTIATE_TEST_SUITE_P(Recipes, ConvertedGguf,
                         testing::Values("falcon_h1", "gemma3n_text",
                                         "granitemoehybrid", "minicpm3",
                                         "qwen3_next"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

using ConvertedEmbedding = Converted;

TEST_P(ConvertedEmbedding, GivesTheVectorsOfThePublishedModel) {
  const GoldenResult result = compare(convert({.dtype = "float32"}));
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.pass) << to_json(result);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ConvertedEmbedding,
                         testing::ValuesIn(fixtures_of({"embed"})), name_of);

using ConvertedVision = Converted;

TEST_P(ConvertedVision, GivesWhatThePublishedLayoutGives) {
  const VisionResult result =
      run_vision_fixture(GetParam(), exact(convert({.dtype = "float32"})));
  EXPECT_EQ(result.text.error, "");
  EXPECT_TRUE(result.text.greedy_equal);
  EXPECT_LE(result.text.max_logit_difference, result.text.tolerance);
}

TEST_P(ConvertedVision, HasStacksInTheNamesOfMlxLm) {
  const auto weights = io::WeightSource::open(io::ModelFiles::at(convert({})));
  for (const std::string& name : weights.names()) {
    EXPECT_EQ(name.find(".experts."), name.npos) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ConvertedVision,
                         testing::ValuesIn(vision_fixtures()), name_of);

}  // namespace
}  // namespace abstractllm::golden
