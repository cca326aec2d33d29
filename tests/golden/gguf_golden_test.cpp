// Text fixtures turned into GGUF files give the same logits.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>

#include "engine/backend_choice.h"
#include "golden/gguf_recipe.h"
#include "golden/golden.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "models/registry.h"
#include "models/sequence.h"
#include "support/source_folder.h"
#include "unit/io/test_files.h"

namespace abstractllm::golden {
namespace {

namespace fs = std::filesystem;
namespace mx = mlx::core;

struct Case {
  fs::path recipe;
  fs::path fixture;
};

void PrintTo(const Case& c, std::ostream* stream) {
  *stream << c.recipe.stem().string();
}

std::optional<fs::path> find_fixture(const std::string& name) {
  for (const fs::path& root :
       {std::filesystem::path(ABSTRACTLLM_TEST_DATA),
        abstractllm::test::source_folder() / "tests/data"}) {
    const fs::path folder = root / "fixtures" / "text" / name;
    if (fs::exists(folder / "reference.json")) return folder;
  }
  return std::nullopt;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(
           abstractllm::test::source_folder() / "tests/data/gguf_recipes")) {
    const auto fixture = find_fixture(fixture_of_recipe(entry.path()));
    if (fixture) cases.push_back({entry.path(), *fixture});
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.recipe < b.recipe; });
  return cases;
}

class GgufGolden : public testing::TestWithParam<Case> {};

TEST_P(GgufGolden, MatchesTheReference) {
  const io::TemporaryFolder folder;
  folder.write("model.gguf", make_gguf(GetParam().recipe, GetParam().fixture));
  GoldenOptions options{.model = folder.path() / "model.gguf"};
  options.engine.cpu_precision = ops::cpu::Precision::kExact;
  options.engine.threads = 2;
  const GoldenResult result = run_fixture(GetParam().fixture, options);
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.pass) << to_json(result);
}

INSTANTIATE_TEST_SUITE_P(Recipes, GgufGolden, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& info) {
                           std::string name = info.param.recipe.stem();
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) {
                               c = '_';
                             }
                           }
                           return name;
                         });

mx::array hidden_states(const fs::path& model) {
  const auto weights = io::WeightSource::open(io::ModelFiles::at(model));
  engine::EngineOptions options;
  options.cpu_precision = ops::cpu::Precision::kExact;
  options.threads = 2;
  const auto loaded = models::make_model(
      {weights.config(), weights, engine::choose_backend(options, 0), nullptr});
  models::Sequence sequence(*loaded);
  constexpr std::array<std::int32_t, 6> kIds{3, 41, 7, 112, 60, 9};
  const mx::array hidden = sequence.advance(kIds);
  sequence.evaluate({hidden});
  return hidden;
}

// Their tokenizers are no part of recipes, so that texts cannot be compared.
std::optional<fs::path> find_encoder(const std::string& name) {
  for (const fs::path& root :
       {abstractllm::test::source_folder() / "tests/data",
        fs::path(ABSTRACTLLM_TEST_DATA)}) {
    const fs::path folder = root / "fixtures/embed" / name;
    if (fs::exists(folder)) return folder;
  }
  return std::nullopt;
}

// Some lie only beside the checkout.
std::vector<std::string> encoders() {
  std::vector<std::string> names{"eurobert", "nomic_bert"};
  if (find_encoder("modernbert")) names.emplace_back("modernbert");
  return names;
}

class GgufEncoders : public testing::TestWithParam<std::string> {};

TEST_P(GgufEncoders, GiveTheHiddenStatesOfTheCheckpoint) {
  const std::string name = GetParam();
  const fs::path data = abstractllm::test::source_folder() / "tests/data";
  const fs::path fixture = find_encoder(name).value();
  const io::TemporaryFolder folder;
  folder.write("model.gguf",
               make_gguf(data / "gguf_recipes" / (name + ".json"), fixture));
  const mx::array want = hidden_states(fixture);
  const mx::array got = hidden_states(folder.path() / "model.gguf");
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_GT(mx::max(mx::abs(want)).item<float>(), 0.1f);
  EXPECT_LT(mx::max(mx::abs(got - want)).item<float>(), 1e-5f);
}

INSTANTIATE_TEST_SUITE_P(Recipes, GgufEncoders, testing::ValuesIn(encoders()));

TEST(GgufRecipes, AreThere) { EXPECT_GE(all_cases().size(), 15u); }

}  // namespace
}  // namespace abstractllm::golden
