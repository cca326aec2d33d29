// SPDX-License-Identifier: Apache-2.0
#include "types/resolve.h"

#include <gtest/gtest.h>

#include <limits>

#include "abstractllm/error.h"

namespace abstractllm::types {
namespace {

std::uint64_t fixed_seed() { return 99; }

GenerationParameters with_temperature(double value) {
  GenerationParameters p;
  p.temperature = value;
  return p;
}

double clamped(double value) {
  GenerationParameters p = with_temperature(value);
  p.clamp_parameters = true;
  return resolve(p, {}, {}, fixed_seed).temperature;
}

TEST(Resolve, NothingGivenIsTheLibraryDefault) {
  SamplingOptions expected;
  expected.seed = 99;
  EXPECT_EQ(resolve({}, {}, {}, fixed_seed), expected);
  EXPECT_EQ(expected.temperature, 0.7);
  EXPECT_EQ(expected.max_tokens, kUnlimitedTokens);
}

TEST(Resolve, TheFirstLayerThatHasAValueWins) {
  const auto resolved = [](const GenerationParameters& call,
                           const GenerationParameters& provider,
                           const GenerationParameters& model) {
    return resolve(call, provider, model, fixed_seed).temperature;
  };
  const auto one = with_temperature(0.1);
  const auto two = with_temperature(0.2);
  const auto three = with_temperature(0.3);
  EXPECT_EQ(resolved(one, two, three), 0.1);
  EXPECT_EQ(resolved({}, two, three), 0.2);
  EXPECT_EQ(resolved({}, {}, three), 0.3);
  EXPECT_EQ(resolved({}, {}, {}), 0.7);
}

TEST(Resolve, CarriesEveryField) {
  GenerationParameters p;
  p.temperature = 0.25;
  p.top_k = 40;
  p.top_p = 0.9;
  p.min_p = 0.05;
  p.typical_p = 0.95;
  p.repetition_penalty = 1.1;
  p.presence_penalty = -0.5;
  p.frequency_penalty = 0.5;
  p.repetition_window = 20;
  p.logit_bias = {{5, -100.0}};
  p.seed = 7;
  p.stop = {"x"};
  p.stop_token_ids = {2};
  p.max_tokens = 100;
  p.min_tokens = 3;
  p.ignore_eos = true;
  p.logprobs = true;
  p.top_logprobs = 20;
  const SamplingOptions expected{
      .temperature = 0.25,
      .top_k = 40,
      .top_p = 0.9,
      .min_p = 0.05,
      .typical_p = 0.95,
      .repetition_penalty = 1.1,
      .presence_penalty = -0.5,
      .frequency_penalty = 0.5,
      .repetition_window = 20,
      .logit_bias = {{5, -100.0}},
      .seed = 7,
      .stop = {"x"},
      .stop_token_ids = {2},
      .max_tokens = 100,
      .min_tokens = 3,
      .ignore_eos = true,
      .logprobs = true,
      .top_logprobs = 20,
  };
  EXPECT_EQ(resolve(p, {}, {}, fixed_seed), expected);
}

TEST(Resolve, DrawsASeedOnlyWhenNoLayerHasOne) {
  int draws = 0;
  const SeedSource source = [&] { return static_cast<unsigned>(++draws); };
  EXPECT_EQ(resolve({}, {}, {}, source).seed, 1U);
  EXPECT_EQ(resolve({}, {}, {}, source).seed, 2U);
  GenerationParameters p;
  p.seed = 0;
  EXPECT_EQ(resolve({}, p, {}, source).seed, 0U);
  EXPECT_EQ(draws, 2);
}

TEST(Resolve, TopLogprobsAskForLogprobs) {
  GenerationParameters p;
  p.top_logprobs = 2;
  EXPECT_TRUE(resolve(p, {}, {}, fixed_seed).logprobs);
  p.logprobs = false;
  EXPECT_THROW(resolve(p, {}, {}, fixed_seed), InvalidParameterError);
}

TEST(Resolve, ChecksTheLayersTogether) {
  GenerationParameters call;
  call.max_tokens = 5;
  GenerationParameters provider;
  provider.min_tokens = 10;
  EXPECT_THROW(resolve(call, provider, {}, fixed_seed), InvalidParameterError);
  EXPECT_THROW(resolve(with_temperature(2.1), {}, {}, fixed_seed),
               InvalidParameterError);
}

TEST(Resolve, UsesTemperaturesAsGiven) {
  for (const double value : {0.0, 0.001, 0.01, 0.7, 2.0}) {
    EXPECT_EQ(resolve(with_temperature(value), {}, {}, fixed_seed).temperature,
              value);
  }
}

TEST(Resolve, ClampModeMovesTheTemperatureIntoAbstractLlmsRange) {
  EXPECT_EQ(clamped(2.1), 2.0);
  EXPECT_EQ(clamped(0), 0.01);
  EXPECT_EQ(clamped(-1), 0.01);
  EXPECT_EQ(clamped(0.5), 0.5);
  EXPECT_THROW(clamped(std::numeric_limits<double>::quiet_NaN()),
               InvalidParameterError);
  EXPECT_THROW(clamped(std::numeric_limits<double>::infinity()),
               InvalidParameterError);
}

TEST(Resolve, ClampModeHoldsForTheTemperatureOfAnyLayer) {
  GenerationParameters session;
  session.clamp_parameters = true;
  EXPECT_EQ(resolve(with_temperature(5), session, {}, fixed_seed).temperature,
            2.0);
  EXPECT_EQ(resolve(session, {}, with_temperature(0), fixed_seed).temperature,
            0.01);
}

}  // namespace
}  // namespace abstractllm::types
