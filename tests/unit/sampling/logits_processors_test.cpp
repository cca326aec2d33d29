// SPDX-License-Identifier: Apache-2.0
#include "sampling/logits_processors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "abstractllm/error.h"

namespace abstractllm::sampling {
namespace {

using ::testing::ElementsAre;
using types::SamplingOptions;

constexpr float kMasked = -std::numeric_limits<float>::infinity();

std::vector<float> processed(const SamplingOptions& options,
                             std::vector<float> logits,
                             std::vector<std::int32_t> tokens,
                             std::size_t prompt_tokens,
                             std::vector<std::int32_t> end_ids = {},
                             std::vector<std::uint32_t> allowed = {}) {
  LogitsProcessors processors(options, logits.size(), end_ids);
  // Twice, on the same start: nothing is carried from step to step.
  for (int i = 0; i < 2; ++i) {
    std::vector<float> row = logits;
    processors.apply(row, {tokens, prompt_tokens}, allowed);
    if (i == 1) logits = row;
  }
  return logits;
}

TEST(LogitsProcessors, DefaultsChangeNothing) {
  EXPECT_THAT(processed({}, {1, -2, 3}, {0, 1, 2, 2}, 1),
              ElementsAre(1, -2, 3));
}

TEST(LogitsProcessors, AddsTheBias) {
  SamplingOptions options;
  options.logit_bias = {{0, 1.5}, {2, -100}};
  EXPECT_THAT(processed(options, {1, -2, 3}, {}, 0), ElementsAre(2.5, -2, -97));
}

TEST(LogitsProcessors, RefusesABiasOutsideTheVocabulary) {
  SamplingOptions options;
  options.logit_bias = {{3, 1}};
  EXPECT_THROW(LogitsProcessors(options, 3, {}), InvalidParameterError);
  EXPECT_NO_THROW(LogitsProcessors(options, 4, {}));
}

TEST(LogitsProcessors, PenalisesEachRepeatedTokenOnce) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  EXPECT_THAT(processed(options, {4, -4, 0, 4, 4}, {0, 1, 2, 0, 0}, 3),
              ElementsAre(2, -8, 0, 4, 4));
}

TEST(LogitsProcessors, RepetitionLooksAtTheLatestTokensOnly) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  options.repetition_window = 2;
  EXPECT_THAT(processed(options, {4, 4, 4}, {0, 1, 2}, 2),
              ElementsAre(4, 2, 2));
  options.repetition_window = 9;
  EXPECT_THAT(processed(options, {4, 4, 4}, {0, 1}, 2), ElementsAre(2, 2, 4));
  options.repetition_window = 0;
  EXPECT_THAT(processed(options, {4, 4, 4}, {0, 1, 2}, 0),
              ElementsAre(2, 2, 2));
}

TEST(LogitsProcessors, PresenceAndFrequencyCountGeneratedTokens) {
  SamplingOptions options;
  options.presence_penalty = 0.5;
  EXPECT_THAT(processed(options, {4, 4, 4}, {0, 1, 1, 1}, 1),
              ElementsAre(4, 3.5, 4));
  options.presence_penalty = 0;
  options.frequency_penalty = 0.25;
  EXPECT_THAT(processed(options, {4, 4, 4}, {0, 1, 1, 2}, 1),
              ElementsAre(4, 3.5, 3.75));
  options.presence_penalty = -1;
  EXPECT_THAT(processed(options, {4, 4, 4}, {0, 1, 1, 2}, 1),
              ElementsAre(4, 4.5, 4.75));
}

TEST(LogitsProcessors, AppliesBiasThenRepetitionThenPresence) {
  SamplingOptions options;
  options.logit_bias = {{0, 2}};
  options.repetition_penalty = 2;
  options.presence_penalty = 1;
  EXPECT_THAT(processed(options, {4, 4}, {0}, 0), ElementsAre(2, 4));
}

TEST(LogitsProcessors, PassesOverIdsOutsideTheVocabulary) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  options.frequency_penalty = 1;
  EXPECT_THAT(processed(options, {4, 4}, {-1, 2, 500000, 1}, 0),
              ElementsAre(4, 1));
}

TEST(LogitsProcessors, MasksEndTokensBeforeMinTokens) {
  SamplingOptions options;
  options.min_tokens = 2;
  options.stop_token_ids = {1, 77};
  EXPECT_THAT(processed(options, {1, 2, 3, 4}, {0, 0, 0}, 2, {3, -1}),
              ElementsAre(1, kMasked, 3, kMasked));
  EXPECT_THAT(processed(options, {1, 2, 3, 4}, {0, 0, 0}, 1, {3, -1}),
              ElementsAre(1, 2, 3, 4));
}

TEST(LogitsProcessors, KeepsOnlyAllowedIds) {
  std::vector<float> logits(70);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = static_cast<float>(i);
  }
  const std::vector<std::uint32_t> allowed{0x80000001, 0, 0xFFFFFFFF};
  const auto row = processed({}, logits, {}, 0, {}, allowed);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool is_allowed = i == 0 || i == 31 || i >= 64;
    EXPECT_EQ(row[i], is_allowed ? logits[i] : kMasked) << i;
  }
  // Ids behind the mask's end are not in it.
  const auto shorter = processed({}, logits, {}, 0, {}, {0xFFFFFFFF});
  EXPECT_EQ(shorter[31], 31);
  EXPECT_EQ(shorter[32], kMasked);
  EXPECT_EQ(shorter[69], kMasked);
}

}  // namespace
}  // namespace abstractllm::sampling
