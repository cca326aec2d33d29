// Rope scalings against their published formulas and limits.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/rope_config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"

namespace abstractllm::models {
namespace {

ops::RopeTable read(const char* json, int dims = 64) {
  return read_rope(io::JsonConfig::parse(json, "config.json"), {.dims = dims});
}

double base(double theta, int pair, int dims = 64) {
  return std::pow(theta, -2.0 * pair / dims);
}

TEST(RopeConfig, DefaultIsThePlainTable) {
  const ops::RopeTable table = read(R"({"rope_theta": 500000.0})");
  ASSERT_EQ(table.inverse_frequencies.size(), 32u);
  for (int i = 0; i < 32; ++i) {
    EXPECT_FLOAT_EQ(table.inverse_frequencies[i], base(500000, i));
  }
  EXPECT_EQ(table.amplitude, 1.0f);
}

TEST(RopeConfig, LinearDividesEveryFrequency) {
  const ops::RopeTable table =
      read(R"({"rope_scaling": {"type": "linear", "factor": 4}})");
  EXPECT_FLOAT_EQ(table.inverse_frequencies[3], base(10000, 3) / 4);
}

TEST(RopeConfig, Llama3KeepsShortWavesAndDividesLongOnes) {
  const ops::RopeTable table = read(R"({"rope_theta": 500000.0,
      "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
      "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 8192}})");
  EXPECT_FLOAT_EQ(table.inverse_frequencies[0], base(500000, 0));
  EXPECT_FLOAT_EQ(table.inverse_frequencies[31], base(500000, 31) / 8);
  for (std::size_t i = 1; i < 32; ++i) {
    EXPECT_LT(table.inverse_frequencies[i], table.inverse_frequencies[i - 1]);
  }
}

TEST(RopeConfig, ThetaOfTheParametersWins) {
  const ops::RopeTable table = read(R"({"rope_theta": 1.0, "rope_scaling": null,
      "rope_parameters": {"rope_type": "default", "rope_theta": 40000.0}})");
  EXPECT_FLOAT_EQ(table.inverse_frequencies[5], base(40000, 5));
}

TEST(RopeConfig, AScalingWinsOverTheParameters) {
  const ops::RopeTable table = read(R"({
      "rope_scaling": {"rope_type": "linear", "factor": 2.0},
      "rope_parameters": {"rope_type": "default", "rope_theta": 40000.0}})");
  EXPECT_FLOAT_EQ(table.inverse_frequencies[5], base(10000, 5) / 2);
}

TEST(RopeConfig, YarnKeepsHighAndDividesLowFrequencies) {
  const ops::RopeTable table = read(R"({"rope_theta": 1000000.0,
      "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
      "original_max_position_embeddings": 32768}})",
                                    128);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[0], base(1e6, 0, 128));
  EXPECT_FLOAT_EQ(table.inverse_frequencies[63], base(1e6, 63, 128) / 4);
  EXPECT_NEAR(table.amplitude, 0.1 * std::log(4.0) + 1.0, 1e-6);
}

TEST(RopeConfig, LongropeHasFactorsForBothSidesOfItsBorder) {
  const ops::RopeTable table = read(R"({"rope_theta": 100.0,
      "max_position_embeddings": 512, "original_max_position_embeddings": 64,
      "rope_scaling": {"type": "longrope", "short_factor": [1.0, 2.0],
                       "long_factor": [4.0, 8.0]}})",
                                    4);
  ASSERT_NE(table.beyond, nullptr);
  EXPECT_EQ(table.border, 64);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[1], 0.05f);
  EXPECT_FLOAT_EQ(table.beyond->inverse_frequencies[0], 0.25f);
  EXPECT_FLOAT_EQ(table.beyond->inverse_frequencies[1], 0.0125f);
  EXPECT_NEAR(table.amplitude, std::sqrt(1 + std::log(8.0) / std::log(64.0)),
              1e-6);
  EXPECT_FLOAT_EQ(table.beyond->amplitude, table.amplitude);
  ops::RopeTable unused;
  EXPECT_EQ(&ops::rope_for(table, 64, 64, unused), &table);
  EXPECT_EQ(&ops::rope_for(table, 65, 8, unused), table.beyond.get());
  EXPECT_EQ(&ops::rope_for(table, 64, 65, unused), table.beyond.get());
}

TEST(RopeConfig, DynamicGrowsItsBaseWithTheSequence) {
  const ops::RopeTable table = read(R"({"max_position_embeddings": 100,
      "rope_scaling": {"rope_type": "dynamic", "factor": 3}})");
  ops::RopeTable grown;
  EXPECT_EQ(&ops::rope_for(table, 0, 100, grown), &table);
  // A prompt turns by all of its length, from its first part on.
  const ops::RopeTable& longer = ops::rope_for(table, 200, 50, grown);
  const double theta = 10000 * std::pow(3 * 200 / 100.0 - 2, 64.0 / 62.0);
  EXPECT_FLOAT_EQ(longer.inverse_frequencies[7], base(theta, 7));
  EXPECT_EQ(&ops::rope_for(table, 50, 101, grown), &grown);
}

TEST(RopeConfig, TheLengthBeforeScalingMayStandBesideTheScaling) {
  const char* const kYarn = R"("rope_scaling": {"rope_type": "yarn",
      "factor": 4.0, "original_max_position_embeddings": 4096})";
  const auto with = [&](const std::string& more) {
    return read(("{" + more + kYarn + "}").c_str()).inverse_frequencies;
  };
  EXPECT_NE(with(R"("original_max_position_embeddings": 512,)"), with(""));
  EXPECT_EQ(with(R"("max_position_embeddings": 512,)"), with(""));
}

TEST(RopeConfig, TheContextIsTheLengthBeforeScalingWhereNothingSaysOne) {
  const std::string scaling = R"({"rope_type": "llama3", "factor": 8.0,
      "low_freq_factor": 1.0, "high_freq_factor": 4.0)";
  const std::string beside = R"("max_position_embeddings": 8192)";
  EXPECT_EQ(
      read((R"({"rope_scaling": )" + scaling + "}," + beside + "}").c_str())
          .inverse_frequencies,
      read((R"({"rope_scaling": )" + scaling +
            R"(, "original_max_position_embeddings": 8192}})")
               .c_str())
          .inverse_frequencies);
}

TEST(RopeConfig, YarnWithoutAFactorTakesThatOfTheContexts) {
  const auto with = [](const char* factor) {
    return read((R"({"max_position_embeddings": 4096, "rope_parameters":
        {"rope_type": "yarn", "original_max_position_embeddings": 1024,
         "factor": )" +
                 std::string(factor) + "}}")
                    .c_str());
  };
  EXPECT_EQ(with("null"), with("4.0"));
  EXPECT_NE(with("null"), with("2.0"));
}

TEST(RopeConfig, OfAnOddNumberTheLastPairHasTheValueBehindThem) {
  const ops::RopeTable table = read("{}", 3);
  EXPECT_EQ(table.dims, 4);
  ASSERT_EQ(table.inverse_frequencies.size(), 2u);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[1], base(10000, 1, 3));
}

TEST(RopeConfig, DynamicIsPlainWithinItsContextUnlessAlphaRaisesTheBase) {
  EXPECT_FLOAT_EQ(read(R"({"rope_scaling": {"type": "dynamic", "factor": 2}})")
                      .inverse_frequencies[7],
                  base(10000, 7));
  EXPECT_FLOAT_EQ(
      read(R"({"rope_scaling": {"type": "dynamic", "alpha": 1000.0}})")
          .inverse_frequencies[7],
      base(10000 * std::pow(1000.0, 64.0 / 62.0), 7));
}

TEST(RopeConfig, KindsOfLayersMayHaveTablesOfTheirOwn) {
  const auto config = io::JsonConfig::parse(
      R"({"rope_parameters": {"sliding_attention": {"rope_theta": 500.0}}})",
      "config.json");
  const auto local = find_layer_rope(config, "sliding_attention", {.dims = 64});
  ASSERT_TRUE(local);
  EXPECT_FLOAT_EQ(local->inverse_frequencies[7], base(500, 7));
  EXPECT_FALSE(find_layer_rope(config, "full_attention", {.dims = 64}));
}

TEST(RopeConfig, LongropeWithTheWrongNumberOfFactorsIsRefused) {
  EXPECT_THROW(read(R"({"original_max_position_embeddings": 64,
      "rope_scaling": {"type": "su", "short_factor": [1.0],
                       "long_factor": [4.0, 8.0]}})",
                    4),
               ModelLoadingError);
}

TEST(RopeConfig, UnknownScalingIsNamed) {
  try {
    read(R"({"rope_scaling": {"rope_type": "spiral", "factor": 4}})");
    FAIL() << "expected an error";
  } catch (const ModelLoadingError& error) {
    EXPECT_NE(error.message().find("spiral"), std::string::npos);
  }
}

}  // namespace
}  // namespace abstractllm::models
