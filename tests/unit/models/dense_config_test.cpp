// What a Llama-like config may and may not say.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

DenseConfig read(const std::string& more, const DenseDefaults& defaults = {}) {
  return read_dense_config(
      io::JsonConfig::parse(
          R"({"hidden_size": 64, "intermediate_size": 128, "vocab_size": 512,
          "num_hidden_layers": 4, "num_attention_heads": 4)" +
              more + "}",
          "config.json"),
      defaults);
}

void expect_error(const std::string& more, const std::string& part,
                  const DenseDefaults& defaults = {}) {
  try {
    read(more, defaults);
    FAIL() << "expected an error naming " << part;
  } catch (const ModelLoadingError& error) {
    EXPECT_THAT(error.message(), HasSubstr(part));
  }
}

TEST(DenseConfig, FillsInWhatIsDerived) {
  const DenseConfig config = read("");
  EXPECT_EQ(config.num_key_value_heads, 4);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.activation, ops::Activation::kSilu);
  EXPECT_THAT(config.windows, ElementsAre(0, 0, 0, 0));
}

TEST(DenseConfig, WindowsInEverySpelling) {
  EXPECT_THAT(read(R"(, "sliding_window": 16)").windows,
              ElementsAre(16, 16, 16, 16));
  EXPECT_THAT(read(R"(, "sliding_window": null)").windows,
              ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(
      read(R"(, "sliding_window": 16, "use_sliding_window": false)").windows,
      ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(read(R"(, "sliding_window": 16, "use_sliding_window": true,
                      "max_window_layers": 3)")
                  .windows,
              ElementsAre(0, 0, 0, 16));
  EXPECT_THAT(read(R"(, "sliding_window": 16, "layer_types":
                      ["sliding_attention", "full_attention",
                       "sliding_attention", "full_attention"])")
                  .windows,
              ElementsAre(16, 0, 16, 0));
}

TEST(DenseConfig, NullSwitchesOffWhatTheFamilyHasByDefault) {
  const DenseDefaults defaults{
      .partial_rotary_factor = 0.5, .head_dim = 32, .sliding_window = 4096};
  const DenseConfig silent = read("", defaults);
  EXPECT_THAT(silent.windows, ElementsAre(4096, 4096, 4096, 4096));
  EXPECT_EQ(silent.head_dim, 32);
  EXPECT_EQ(silent.rope.dims, 16);
  const DenseConfig off = read(
      R"(, "sliding_window": null, "head_dim": null,
         "partial_rotary_factor": null)",
      defaults);
  EXPECT_THAT(off.windows, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(off.head_dim, 16);
  EXPECT_EQ(off.rope.dims, 16);
}

TEST(DenseConfig, LettersSayWhatSlides) {
  EXPECT_THAT(read(R"(, "sliding_window": 16, "sliding_window_pattern": "LLG")")
                  .windows,
              ElementsAre(16, 16, 0, 0));
  expect_error(R"(, "sliding_window": 16, "sliding_window_pattern": "LX")",
               "'LX'");
}

TEST(DenseConfig, DefaultsOfAFamilyCountWhereTheConfigIsSilent) {
  const DenseConfig config = read_dense_config(
      io::JsonConfig::parse(
          R"({"hidden_size": 64, "vocab_size": 512, "num_hidden_layers": 2,
              "num_attention_heads": 4})",
          "config.json"),
      {.norm_eps_value = 0.5,
       .activation_name = "relu2",
       .dense_layers = false,
       .head_dim = 32,
       .sliding_window = 8});
  EXPECT_EQ(config.head_dim, 32);
  EXPECT_EQ(config.norm_eps, 0.5f);
  EXPECT_EQ(config.activation, ops::Activation::kReluSquared);
  EXPECT_THAT(config.windows, ElementsAre(8, 8));
}

TEST(DenseConfig, EveryNthLayerSeesAll) {
  EXPECT_THAT(
      read(R"(, "sliding_window": 16, "sliding_window_pattern": 3)").windows,
      ElementsAre(16, 16, 0, 16));
}

TEST(DenseConfig, RotatesAShareOfTheHead) {
  const DenseDefaults part{.rotates_part = true};
  EXPECT_EQ(read("", part).rope.dims, 16);
  EXPECT_EQ(read(R"(, "partial_rotary_factor": 0.75)", part).rope.dims, 12);
  EXPECT_EQ(read(R"(, "rope_parameters": {"partial_rotary_factor": 0.5})", part)
                .rope.dims,
            8);
  EXPECT_EQ(
      read(R"(, "partial_rotary_factor": 0.5)", {.partial_rotary_factor = 0.25})
          .rope.dims,
      8);
}

TEST(DenseConfig, RotatesAllOfAHeadWhereTheFamilyKnowsNoShare) {
  EXPECT_EQ(read(R"(, "partial_rotary_factor": 0.5)").rope.dims, 16);
}

TEST(DenseConfig, ProportionalScalingSaysItselfWhatTurns) {
  const DenseConfig config = read(
      R"(, "rope_parameters": {"rope_type": "proportional",
                               "partial_rotary_factor": 0.5})",
      {.rotates_part = true});
  EXPECT_EQ(config.rope.dims, 16);
  EXPECT_GT(config.rope.inverse_frequencies[3], 0);
  EXPECT_EQ(config.rope.inverse_frequencies[4], 0);
}

TEST(DenseConfig, RefusesWhatCannotBe) {
  expect_error(R"(, "num_key_value_heads": 3)", "num_key_value_heads (3)");
  expect_error(R"(, "head_dim": 15)", "head_dim");
  expect_error(R"(, "hidden_act": "swirl")", "swirl");
  expect_error(R"(, "num_key_value_heads": 0)", "num_key_value_heads is 0");
  expect_error(R"(, "head_dim": 99999999999)", "head_dim");
  expect_error(R"(, "partial_rotary_factor": 2)", "partial_rotary_factor",
               {.rotates_part = true});
  expect_error(R"(, "sliding_window": 8, "layer_types": ["full_attention"])",
               "layer_types");
}

TEST(DenseConfig, NamesTheMissingField) {
  try {
    read_dense_config(io::JsonConfig::parse(R"({"vocab_size": 3})", "c.json"));
    FAIL() << "expected an error";
  } catch (const ModelLoadingError& error) {
    EXPECT_THAT(error.message(), HasSubstr("hidden_size"));
  }
}

}  // namespace
}  // namespace abstractllm::models
