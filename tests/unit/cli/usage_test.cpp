// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

class Usage : public CliTest {
 protected:
  // Refused as misuse, with `expected` somewhere in the two lines.
  void expect_usage_error(const std::vector<std::string>& arguments,
                          const std::string& expected) {
    const RunResult result = run(arguments);
    EXPECT_EQ(result.exit_code, kExitUsage) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("allm: error: ")) << result.err;
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
    EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 2);
    EXPECT_TRUE(opened.empty());
  }
};

TEST_F(Usage, AnUnknownOptionNamesTheNearest) {
  expect_usage_error({"run", "m", "p", "--temprature", "0.2"},
                     "unknown option '--temprature'\nhint: Did you mean "
                     "'--temperature'?");
  expect_usage_error({"run", "m", "p", "--top_k=3"}, "'--top-k'");
  expect_usage_error({"list", "--jason"}, "'--json'");
  expect_usage_error({"run", "--xyzzy"}, "unknown option '--xyzzy'");
  expect_usage_error({"--versoin"}, "'--version'");
}

TEST_F(Usage, AnUnknownCommandNamesTheNearest) {
  expect_usage_error({"rnu", "m"},
                     "unknown command 'rnu'\nhint: Did you mean "
                     "'run'?");
  expect_usage_error({"help", "chta"}, "'chat'");
  expect_usage_error({"frobnicate"}, "unknown command 'frobnicate'");
}

TEST_F(Usage, WhatIsMissingIsNamed) {
  expect_usage_error({}, "no command given");
  expect_usage_error({"run"}, "MODEL");
  expect_usage_error({"eval", "m"}, "--perplexity");
  expect_usage_error({"run", "m", "p", "--seed"}, "--seed");
  expect_usage_error({"completion"}, "SHELL");
}

TEST_F(Usage, AWordTooManyIsNamed) {
  expect_usage_error({"run", "m", "two", "words"}, "'words'");
  expect_usage_error({"list", "mlx", "x"}, "'x'");
}

TEST_F(Usage, APromptThatLooksLikeAnOptionGetsAHint) {
  expect_usage_error({"run", "m", "--5 plus 3?"}, "Put -- before a prompt");
}

TEST_F(Usage, ValuesAreChecked) {
  expect_usage_error({"run", "m", "p", "--threads", "many"}, "--threads");
  for (const char* size : {"much", "-1", "2 ducks", "99999999999GB"}) {
    expect_usage_error({"run", "m", "p", "--kv-cache-bytes", size},
                       "--kv-cache-bytes");
  }
  expect_usage_error({"run", "m", "p", "--threads", "-1"}, "--threads");
  expect_usage_error({"run", "m", "p", "--cpu-backend", "slow"},
                     "--cpu-backend");
  expect_usage_error({"bench", "m", "--repeat", "0"}, "--repeat");
  expect_usage_error({"completion", "tcsh"}, "SHELL");
}

TEST_F(Usage, OptionsThatContradictEachOtherAreRefused) {
  expect_usage_error({"run", "m", "--raw", "--messages", "f"}, "--raw");
  expect_usage_error({"tokenize", "m", "x", "--ids", "--decode"}, "--decode");
  expect_usage_error({"run", "m", "--raw", "--system", "s", "p"}, "--system");
}

}  // namespace
}  // namespace abstractllm::cli
