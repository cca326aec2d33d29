// Every vision fixture, whole and in chunks, on each CPU backend.
// SPDX-License-Identifier: Apache-2.0
#include "golden/vision_golden.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "models/registry.h"
#include "support/source_folder.h"

namespace abstractllm::golden {
namespace {

struct Case {
  std::filesystem::path folder;
  engine::CpuBackend backend;
  int chunk;
};

std::string name_of(const Case& c) {
  std::string name =
      c.folder.filename().string() +
      (c.backend == engine::CpuBackend::kFast ? "_fast" : "_reference");
  if (c.chunk > 0) name += "_chunk" + std::to_string(c.chunk);
  return name;
}

void PrintTo(const Case& c, std::ostream* stream) { *stream << name_of(c); }

std::vector<Case> all_cases() {
  using enum engine::CpuBackend;
  std::vector<Case> cases;
  std::set<std::string> seen;
  for (const std::filesystem::path& root :
       {std::filesystem::path(ABSTRACTLLM_TEST_DATA),
        abstractllm::test::source_folder() / "tests/data"}) {
    for (const auto& folder : find_fixtures(root / "fixtures" / "vision")) {
      std::ifstream stream(folder / "reference.json");
      const auto reference = nlohmann::json::parse(stream);
      const auto type = reference.at("model_type").get<std::string>();
      if (!models::reads_images(type)) continue;
      // A part of what lies beside the checkout is in it, too.
      if (!seen.insert(folder.filename().string()).second) continue;
      cases.push_back({folder, kReference, 0});
      cases.push_back({folder, kReference, 5});
      cases.push_back({folder, kFast, 0});
      cases.push_back({folder, kFast, 7});
    }
  }
  return cases;
}

class VisionGolden : public testing::TestWithParam<Case> {};

TEST_P(VisionGolden, MatchesTheReference) {
  GoldenOptions options;
  options.engine.cpu_backend = GetParam().backend;
  options.engine.cpu_precision = ops::cpu::Precision::kExact;
  options.engine.threads = 2;
  options.chunk = GetParam().chunk;
  const VisionResult result = run_vision_fixture(GetParam().folder, options);
  EXPECT_EQ(result.text.error, "");
  EXPECT_TRUE(result.text.greedy_equal);
  EXPECT_LE(result.text.max_logit_difference, result.text.tolerance);
  EXPECT_LE(result.max_feature_difference,
            1e-4 * std::max(1.0, result.largest_feature));
  EXPECT_EQ(result.text.argmax_agreement, 1.0);
  EXPECT_TRUE(result.text.pass) << to_json(result.text);
  RecordProperty("feature_difference",
                 std::to_string(result.max_feature_difference));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, VisionGolden, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& info) {
                           return name_of(info.param);
                         });

TEST(VisionFixtures, AreThere) { EXPECT_GE(all_cases().size(), 4u); }

}  // namespace
}  // namespace abstractllm::golden
