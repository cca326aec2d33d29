// SPDX-License-Identifier: Apache-2.0
#include "models/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "models/registry.h"

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
    for (const std::string_view cell : {row.models, row.verified, row.formats,
                                        row.tools, row.vision, row.backends}) {
      EXPECT_EQ(cell.find_first_of("|\n"), cell.npos) << row.model_type;
    }
  }
}

TEST(Catalogue, FindsRowsByTheirType) {
  ASSERT_NE(find_in_catalogue("llama"), nullptr);
  EXPECT_EQ(find_in_catalogue("llama")->model_type, "llama");
  EXPECT_EQ(find_in_catalogue("lama"), nullptr);
}

TEST(Catalogue, IsTheDocumentation) {
  const std::string path = ABSTRACTLLM_SOURCE_DIR "/docs/models.md";
  if (std::getenv("ABSTRACTLLM_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << catalogue_markdown();
  }
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), catalogue_markdown())
      << "ABSTRACTLLM_WRITE_DOCS=1 models_test writes docs/models.md";
}

}  // namespace
}  // namespace abstractllm::models
