// `allm convert` and `allm quantize` over a scripted conversion.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Convert : public CliTest {};

TEST_F(Convert, SaysWhatWasWritten) {
  const RunResult result = run({"convert", "m", "out", "--dtype", "float16"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("out has 7 tensors, 2.5 MB"));
  EXPECT_THAT(result.err, HasSubstr("1 were there from an earlier run"));
  ASSERT_EQ(conversions.size(), 1u);
  EXPECT_EQ(conversions[0].model, "m");
  EXPECT_EQ(conversions[0].output, "out");
  EXPECT_EQ(conversions[0].mode, "");
  EXPECT_EQ(conversions[0].dtype, "float16");
  EXPECT_FALSE(conversions[0].force);
}

TEST_F(Convert, QuantizeTakesModeBitsAndRules) {
  const RunResult result = run(
      {"quantize", "m", "out", "--bits", "8", "--group-size", "32", "--rule",
       "*.down_proj=keep", "--rule", "a=b=4", "--force", "--adapter", "dir"});
  EXPECT_EQ(result.exit_code, 0);
  const ConversionOptions& options = conversions.at(0);
  EXPECT_EQ(options.mode, "affine");
  EXPECT_EQ(options.bits, 8);
  EXPECT_EQ(options.group_size, 32);
  EXPECT_THAT(options.rules,
              ElementsAre(Pair("*.down_proj", "keep"), Pair("a=b", "4")));
  EXPECT_TRUE(options.force);
  EXPECT_EQ(options.adapter, "dir");
}

TEST_F(Convert, RefusesRulesWithoutAGlob) {
  for (const char* rule : {"8", "=8"}) {
    const RunResult result = run({"quantize", "m", "out", "--rule", rule});
    EXPECT_EQ(result.exit_code, kExitUsage) << rule;
    EXPECT_THAT(result.err, HasSubstr("is no rule"));
  }
  EXPECT_TRUE(conversions.empty());
}

TEST_F(Convert, RefusesUnknownModesAndMissingNames) {
  EXPECT_EQ(run({"quantize", "m", "out", "--mode", "int4"}).exit_code,
            kExitUsage);
  EXPECT_EQ(run({"convert", "m"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"convert", "m", "out", "--bits", "4"}).exit_code, kExitUsage);
}

TEST_F(Convert, ShowsABarOnTheTerminal) {
  err_is_terminal = true;
  EXPECT_THAT(run({"convert", "m", "out"}).err, HasSubstr("writing out"));
}

}  // namespace
}  // namespace abstractllm::cli
