// Text fixtures turned into GGUF files give the same logits.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>

#include "golden/gguf_recipe.h"
#include "golden/golden.h"
#include "support/source_folder.h"
#include "unit/io/test_files.h"

namespace abstractllm::golden {
namespace {

namespace fs = std::filesystem;

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

TEST(GgufRecipes, AreThere) { EXPECT_GE(all_cases().size(), 15u); }

}  // namespace
}  // namespace abstractllm::golden
