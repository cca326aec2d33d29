// Every fixture of the supported architectures, whole, in chunks and token by
// token, on each CPU backend.
// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.h"

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
  bool fuse = false;
};

std::string name_of(const Case& c) {
  std::string name =
      c.folder.parent_path().filename().string() + "_" +
      c.folder.filename().string() +
      (c.backend == engine::CpuBackend::kFast ? "_fast" : "_reference");
  if (c.fuse) name += "_fused";
  if (c.chunk > 0) name += "_chunk" + std::to_string(c.chunk);
  for (char& letter : name) {
    if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
  }
  return name;
}

void PrintTo(const Case& c, std::ostream* stream) { *stream << name_of(c); }

bool supported(const std::filesystem::path& folder) {
  std::ifstream stream(folder / "reference.json");
  const auto reference = nlohmann::json::parse(stream);
  static const std::set<std::string> kKinds{"embed", "gguf", "lora", "quant",
                                            "text"};
  return kKinds.contains(reference.at("kind").get<std::string>()) &&
         models::contains(reference.at("model_type").get<std::string>());
}

// Whether an adapter can become part of the stored weights.
bool fuses(const std::filesystem::path& folder) {
  std::ifstream stream(folder / "reference.json");
  return nlohmann::json::parse(stream).value("fuses", true);
}

std::vector<Case> all_cases() {
  using enum engine::CpuBackend;
  std::vector<Case> cases;
  std::set<std::string> seen;
  for (const std::filesystem::path& root :
       {std::filesystem::path(ABSTRACTLLM_TEST_DATA),
        abstractllm::test::source_folder() / "tests/data"}) {
    for (const auto& folder : find_fixtures(root / "fixtures")) {
      if (!supported(folder)) continue;
      // A part of what lies beside the checkout is in it, too.
      if (!seen.insert(name_of({folder, kReference, 0})).second) continue;
      cases.push_back({folder, kReference, 0});
      cases.push_back({folder, kReference, 5});
      cases.push_back({folder, kFast, 0});
      cases.push_back({folder, kFast, 1});
      cases.push_back({folder, kFast, 7});
      if (folder.parent_path().filename() == "lora" && fuses(folder)) {
        cases.push_back({folder, kFast, 0, true});
        cases.push_back({folder, kReference, 0, true});
      }
    }
  }
  return cases;
}

class Golden : public testing::TestWithParam<Case> {};

TEST_P(Golden, MatchesTheReference) {
  GoldenOptions options;
  options.engine.cpu_backend = GetParam().backend;
  options.engine.cpu_precision = ops::cpu::Precision::kExact;
  options.engine.threads = 2;
  options.chunk = GetParam().chunk;
  options.fuse_adapter = GetParam().fuse;
  const GoldenResult result = run_fixture(GetParam().folder, options);
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.greedy_equal);
  EXPECT_LE(result.max_logit_difference, result.tolerance);
  EXPECT_EQ(result.argmax_agreement, 1.0);
  EXPECT_TRUE(result.pass) << to_json(result);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Golden, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& info) {
                           return name_of(info.param);
                         });

TEST(GoldenFixtures, AreThere) { EXPECT_GE(all_cases().size(), 50u); }

}  // namespace
}  // namespace abstractllm::golden
