// SPDX-License-Identifier: Apache-2.0
#include "models/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "families/family.h"
#include "models/registry.h"
#include "support/source_folder.h"

namespace abstractllm::models {
namespace {

TEST(Catalogue, HasOneRowForEachArchitectureOfTheRegistry) {
  std::vector<std::string> types;
  for (const CatalogueRow& row : catalogue())
    types.emplace_back(row.model_type);
  EXPECT_EQ(types, model_types())
      << "src/models/catalogue.cpp and registry.cpp list the same types, "
         "sorted";
}

TEST(Catalogue, SaysSomethingInEveryCell) {
  for (const CatalogueRow& row : catalogue()) {
    for (const std::string_view cell :
         {row.models, row.verified, row.formats, row.backends}) {
      EXPECT_FALSE(cell.empty()) << row.model_type;
    }
    for (const std::string_view cell :
         {row.models, row.verified, row.formats, row.vision, row.backends}) {
      EXPECT_EQ(cell.find_first_of("|\n"), cell.npos) << row.model_type;
    }
  }
}

TEST(Catalogue, FindsRowsByTheirType) {
  ASSERT_NE(find_in_catalogue("llama"), nullptr);
  EXPECT_EQ(find_in_catalogue("llama")->model_type, "llama");
  EXPECT_EQ(find_in_catalogue("lama"), nullptr);
}

using TypeList = std::vector<std::string_view> families::MLXModelConfig::*;

const families::MLXModelConfig* family_naming(std::string_view model_type,
                                              TypeList list) {
  for (const families::MLXModelConfig& family : families::all_families()) {
    const auto& types = family.*list;
    if (std::find(types.begin(), types.end(), model_type) != types.end()) {
      return &family;
    }
  }
  return nullptr;
}

// The dialect of the family whose own the model type is, else of the first that
// shares it.
std::string tools_of(std::string_view model_type) {
  using families::MLXModelConfig;
  const MLXModelConfig* family =
      family_naming(model_type, &MLXModelConfig::model_types);
  if (family == nullptr) {
    family = family_naming(model_type, &MLXModelConfig::shared_model_types);
  }
  return family != nullptr && family->tool_dialect
             ? std::string(output::to_string(*family->tool_dialect))
             : std::string();
}

TEST(Catalogue, IsTheDocumentation) {
  const std::string path =
      (abstractllm::test::source_folder() / "docs/models.md").string();
  if (std::getenv("ABSTRACTLLM_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << catalogue_markdown(tools_of);
  }
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), catalogue_markdown(tools_of))
      << "ABSTRACTLLM_UPDATE_DOCS=1 models_test writes docs/models.md";
}

}  // namespace
}  // namespace abstractllm::models
