// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using nlohmann::json;

class Embed : public CliTest {};

TEST_F(Embed, PrintsAVectorALine) {
  EXPECT_EQ(run({"embed", "m", "ab", "c"}).out, "2 0.5 0\n1 0.5 0\n");
  EXPECT_EQ(run({"embed", "m", "abc", "--dimensions", "1"}).out, "3\n");
  EXPECT_EQ(run({"embed", "m", "abc", "--prompt", "query"}).out, "8 0.5 0\n");
}

TEST_F(Embed, TakesTheLinesOfStandardInput) {
  EXPECT_EQ(run({"embed", "m"}, "ab\r\nabc").out, "2 0.5 0\n3 0.5 0\n");
}

TEST_F(Embed, AsksInSeveralRequestsForManyTexts) {
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += "x\n";
  const json answer = json::parse(run({"embed", "m", "--json"}, lines).out);
  EXPECT_EQ(answer["embeddings"].size(), 600u);
  EXPECT_EQ(answer["prompt_tokens"], 600);
}

TEST_F(Embed, PrintsOneJsonObject) {
  EXPECT_EQ(json::parse(run({"embed", "m", "ab", "c", "--json"}).out),
            json::parse(R"({"model": "script", "dimensions": 3,
                            "embeddings": [[2, 0.5, 0], [1, 0.5, 0]],
                            "prompt_tokens": 2})"));
}

TEST_F(Embed, RefusesEmptyTextsBeforeItLoadsAModel) {
  EXPECT_EQ(run({"embed", "m"}, "").exit_code, 15);
  EXPECT_EQ(run({"embed", "m", "a", ""}).exit_code, 15);
  const RunResult result = run({"embed", "m"}, "a\n\nb\n");
  EXPECT_EQ(result.exit_code, 15);
  EXPECT_NE(result.err.find("line 2 is empty"), std::string::npos);
  EXPECT_EQ(run({"embed", "m"}, "\xFF").exit_code, 15);
  EXPECT_EQ(run({"embed", "m", "a", "--dimensions", "0"}).exit_code, 2);
  EXPECT_TRUE(opened.empty());
}

}  // namespace
}  // namespace abstractllm::cli
