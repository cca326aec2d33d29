// SPDX-License-Identifier: Apache-2.0
#include "sampling/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "abstractllm/error.h"
#include "sampling/philox.h"

namespace abstractllm::sampling {
namespace {

using ::testing::ElementsAre;
using types::SamplingOptions;

constexpr float kMasked = -std::numeric_limits<float>::infinity();

std::vector<float> random_logits(std::size_t size, unsigned seed,
                                 float spread = 2) {
  std::mt19937 random(seed);
  std::normal_distribution<float> noise(0, spread);
  std::vector<float> logits(size);
  for (float& logit : logits) logit = noise(random);
  return logits;
}

// The token for the given number of tokens generated before.
std::int32_t sample_at(Sampler& sampler, std::vector<float> logits,
                       std::size_t position) {
  static const std::vector<std::int32_t> kTokens(100000, 0);
  return sampler.sample(logits, {std::span(kTokens).first(position), 0}).id;
}

std::int32_t sample_once(const SamplingOptions& options,
                         const std::vector<float>& logits) {
  Sampler sampler(options, logits.size());
  return sample_at(sampler, logits, 0);
}

// The closed form: probabilities after each filter in turn, by sorting.
class Reference {
 public:
  Reference(const SamplingOptions& options, const std::vector<float>& logits) {
    const float max = *std::max_element(logits.begin(), logits.end());
    for (const float logit : logits) {
      p_.push_back(std::exp((double{logit} - max) / options.temperature));
    }
    normalise();
    if (options.top_k > 0) keep_first(by_probability(), options.top_k, 2);
    if (options.top_p < 1) keep_first(by_probability(), -1, options.top_p);
    if (options.min_p > 0) {
      const double best = *std::max_element(p_.begin(), p_.end());
      for (double& p : p_) p = p < options.min_p * best ? 0 : p;
      normalise();
    }
    if (options.typical_p < 1)
      keep_first(by_typicality(), -1, options.typical_p);
  }

  const std::vector<double>& probabilities() const { return p_; }

 private:
  using Order = std::vector<std::size_t>;

  void normalise() {
    const double sum = std::accumulate(p_.begin(), p_.end(), 0.0);
    for (double& p : p_) p /= sum;
  }

  template <typename Before>
  Order sorted(Before before) const {
    Order order(p_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), before);
    return order;
  }

  Order by_probability() const {
    return sorted([&](auto a, auto b) { return p_[a] > p_[b]; });
  }

  Order by_typicality() const {
    double entropy = 0;
    for (const double p : p_) entropy -= p > 0 ? p * std::log(p) : 0;
    const auto distance = [&](std::size_t i) {
      return p_[i] > 0 ? std::abs(-std::log(p_[i]) - entropy) : 1e300;
    };
    return sorted([&](auto a, auto b) { return distance(a) < distance(b); });
  }

  void keep_first(const Order& order, int count, double mass) {
    std::vector<double> kept(p_.size(), 0);
    double sum = 0;
    for (const std::size_t i : order) {
      if (count-- == 0) break;
      kept[i] = p_[i];
      sum += p_[i];
      if (sum >= mass) break;
    }
    p_ = kept;
    normalise();
  }

  std::vector<double> p_;
};

// Pearson's statistic in standard deviations above its mean; rare tokens are
// counted together. Infinite for a token that cannot be drawn.
double surprise(const std::vector<int>& counts,
                const std::vector<double>& probabilities, int draws) {
  double statistic = 0;
  double rest_expected = 0;
  double rest_count = 0;
  int cells = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (probabilities[i] == 0 && counts[i] > 0) return 1e9;
    const double expected = probabilities[i] * draws;
    if (expected < 10) {
      rest_expected += expected;
      rest_count += counts[i];
      continue;
    }
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++cells;
  }
  if (rest_expected >= 10) {
    statistic += (rest_count - rest_expected) * (rest_count - rest_expected) /
                 rest_expected;
    ++cells;
  }
  const double freedom = std::max(1, cells - 1);
  return (statistic - freedom) / std::sqrt(2 * freedom);
}

struct Case {
  std::string name;
  SamplingOptions options;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

std::vector<Case> cases() {
  const auto made = [](const char* name, auto&& change) {
    Case one{name, {}};
    one.options.temperature = 1;
    change(one.options);
    return one;
  };
  return {
      made("temperature_1", [](auto&) {}),
      made("temperature_low", [](auto& o) { o.temperature = 0.3; }),
      made("temperature_high", [](auto& o) { o.temperature = 2; }),
      made("top_k", [](auto& o) { o.top_k = 7; }),
      made("top_k_1", [](auto& o) { o.top_k = 1; }),
      made("top_k_all", [](auto& o) { o.top_k = 1000; }),
      made("top_p", [](auto& o) { o.top_p = 0.6; }),
      made("top_p_tiny", [](auto& o) { o.top_p = 1e-9; }),
      made("top_p_high", [](auto& o) { o.top_p = 0.999; }),
      made("min_p", [](auto& o) { o.min_p = 0.1; }),
      made("min_p_1", [](auto& o) { o.min_p = 1; }),
      made("typical_p", [](auto& o) { o.typical_p = 0.5; }),
      made("typical_p_tiny", [](auto& o) { o.typical_p = 1e-9; }),
      made("typical_p_high", [](auto& o) { o.typical_p = 0.97; }),
      made("top_k_top_p", [](auto& o) { o.top_k = 20, o.top_p = 0.8; }),
      made("top_p_min_p", [](auto& o) { o.top_p = 0.9, o.min_p = 0.05; }),
      made("min_p_typical", [](auto& o) { o.min_p = 0.02, o.typical_p = 0.6; }),
      made("all",
           [](auto& o) {
             o.temperature = 0.8, o.top_k = 50, o.top_p = 0.95;
             o.min_p = 0.02, o.typical_p = 0.8;
           }),
  };
}

class EachFilter : public ::testing::TestWithParam<Case> {};

TEST_P(EachFilter, DrawsFromItsClosedForm) {
  constexpr int kDraws = 20000;
  for (const std::size_t vocabulary : {5, 64, 300}) {
    const auto logits =
        random_logits(vocabulary, static_cast<unsigned>(vocabulary));
    SamplingOptions options = GetParam().options;
    options.seed = 1234;
    const Reference reference(options, logits);
    Sampler sampler(options, vocabulary);
    std::vector<int> counts(vocabulary, 0);
    for (int i = 0; i < kDraws; ++i) {
      ++counts[static_cast<std::size_t>(
          sample_at(sampler, logits, static_cast<std::size_t>(i)))];
    }
    EXPECT_LT(surprise(counts, reference.probabilities(), kDraws), 4)
        << vocabulary << " tokens";
  }
}

// Sharper than a chi-square, and in a vocabulary of many blocks: each draw is
// the token in whose share of the cumulative distribution the random number
// falls, up to rounding.
TEST_P(EachFilter, DrawsByTheInverseOfTheCumulativeDistribution) {
  constexpr double kRounding = 1e-5;
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto logits = random_logits(5000, seed, seed < 3 ? 3 : 0.5F);
    SamplingOptions options = GetParam().options;
    options.seed = seed;
    const Reference reference(options, logits);
    const auto& p = reference.probabilities();
    std::vector<double> cumulative(p.size() + 1, 0);
    std::partial_sum(p.begin(), p.end(), cumulative.begin() + 1);
    Sampler sampler(options, logits.size());
    for (std::size_t position = 0; position < 200; ++position) {
      const auto id =
          static_cast<std::size_t>(sample_at(sampler, logits, position));
      const double share = uniform(seed, position);
      ASSERT_GT(p[id], 0) << "seed " << seed << " position " << position;
      ASSERT_GE(share, cumulative[id] - kRounding);
      ASSERT_LT(share, cumulative[id + 1] + kRounding);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sampler, EachFilter, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(SamplerTest, TheChiSquareItselfFindsAWrongDistribution) {
  const auto logits = random_logits(64, 64);
  SamplingOptions options;
  options.temperature = 1;
  Sampler sampler(options, logits.size());
  std::vector<int> counts(64, 0);
  for (std::size_t i = 0; i < 20000; ++i) {
    ++counts[static_cast<std::size_t>(sample_at(sampler, logits, i))];
  }
  options.temperature = 1.05;
  EXPECT_GT(surprise(counts, Reference(options, logits).probabilities(), 20000),
            4);
}

TEST(SamplerTest, TemperatureZeroIsTheGreatestLogitAndTheLowestId) {
  SamplingOptions options;
  options.temperature = 0;
  options.top_k = 3;
  options.top_p = 0.1;
  options.typical_p = 0.1;
  EXPECT_EQ(sample_once(options, {1, 5, 5, 2}), 1);
  EXPECT_EQ(sample_once(options, {-3, -1, -1}), 1);
  std::vector<float> ties(500, 2);
  EXPECT_EQ(sample_once(options, ties), 0);
  ties[317] = 2.5F;
  ties[400] = 2.5F;
  EXPECT_EQ(sample_once(options, ties), 317);
}

TEST(SamplerTest, VanishingTemperaturesAreGreedyUpToTies) {
  for (const double temperature : {1e-6, 1e-40, 1e-300, 5e-324}) {
    SamplingOptions options;
    options.temperature = temperature;
    Sampler sampler(options, 4);
    for (std::size_t i = 0; i < 50; ++i) {
      const auto id = sample_at(sampler, {1, 3, kMasked, 3}, i);
      EXPECT_TRUE(id == 1 || id == 3) << id;
    }
  }
}

TEST(SamplerTest, EqualLogitsBehindTopKLeaveTheLowerIds) {
  SamplingOptions options;
  options.top_k = 2;
  Sampler sampler(options, 100);
  const std::vector<float> logits(100, 1);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_LT(sample_at(sampler, logits, i), 2);
  }
}

TEST(SamplerTest, NeverDrawsWhatIsExcluded) {
  SamplingOptions options;
  options.temperature = 2;
  std::vector<float> logits(130, kMasked);
  logits[0] = logits[129] = 0;
  Sampler sampler(options, logits.size());
  for (std::size_t i = 0; i < 500; ++i) {
    const auto id = sample_at(sampler, logits, i);
    EXPECT_TRUE(id == 0 || id == 129) << id;
  }
}

TEST(SamplerTest, TheMaskHoldsForGreedyAndForDraws) {
  for (const double temperature : {0.0, 1.0}) {
    SamplingOptions options;
    options.temperature = temperature;
    Sampler sampler(options, 40);
    std::vector<float> logits(40, 0);
    logits[3] = 9;
    const std::vector<std::uint32_t> allowed{0, 1U << 5};
    EXPECT_EQ(sampler.sample(logits, {}, allowed).id, 37);
    const std::vector<std::uint32_t> none{0, 0};
    EXPECT_THROW(sampler.sample(logits, {}, none), GenerationError);
  }
}

TEST(SamplerTest, RefusesUnsoundLogits) {
  for (const double temperature : {0.0, 1.0}) {
    SamplingOptions options;
    options.temperature = temperature;
    EXPECT_THROW(sample_once(options, {1, std::nanf(""), 2}), GenerationError);
    EXPECT_THROW(sample_once(options, {1, -kMasked, 2}), GenerationError);
    EXPECT_THROW(sample_once(options, {kMasked, kMasked}), GenerationError);
  }
  Sampler sampler({}, 3);
  std::vector<float> two{1, 2};
  EXPECT_THROW(sampler.sample(two, {}), InternalError);
}

TEST(SamplerTest, TheSameSeedGivesTheSameTokens) {
  const auto logits = random_logits(2000, 1);
  SamplingOptions options;
  options.seed = 17;
  Sampler first(options, logits.size());
  Sampler second(options, logits.size());
  options.seed = 18;
  Sampler other(options, logits.size());
  int differing = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    const auto id = sample_at(first, logits, i);
    EXPECT_EQ(sample_at(second, logits, i), id);
    differing += sample_at(other, logits, i) != id;
  }
  EXPECT_GT(differing, 50);
}

TEST(SamplerTest, OtherRequestsAndEarlierStepsDoNotMatter) {
  const auto logits = random_logits(2000, 2);
  SamplingOptions options;
  options.seed = 17;
  Sampler alone(options, logits.size());
  std::vector<std::int32_t> expected;
  for (std::size_t i = 0; i < 20; ++i) {
    expected.push_back(sample_at(alone, logits, i));
  }
  Sampler among(options, logits.size());
  SamplingOptions others = options;
  others.top_p = 0.5;
  Sampler other(others, logits.size());
  for (std::size_t i = 20; i-- > 0;) {
    sample_at(other, random_logits(2000, 3), i);
    EXPECT_EQ(sample_at(among, logits, i), expected[i]);
  }
}

// Fixed so that a change of platform, compiler or code that changes what users
// get for a seed is seen.
TEST(SamplerTest, SeedsGiveTheTokensTheyAlwaysGave) {
  std::vector<float> logits(300);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = static_cast<float>(i * 7919 % 301) / 32;
  }
  const auto tokens = [&](SamplingOptions options) {
    options.seed = 2024;
    Sampler sampler(options, logits.size());
    std::vector<std::int32_t> ids;
    for (std::size_t i = 0; i < 8; ++i) {
      ids.push_back(sample_at(sampler, logits, i));
    }
    return ids;
  };
  SamplingOptions options;
  EXPECT_THAT(tokens(options),
              ElementsAre(84, 139, 19, 152, 139, 152, 122, 242));
  options.top_p = 0.9;
  options.min_p = 0.05;
  EXPECT_THAT(tokens(options),
              ElementsAre(84, 139, 16, 152, 139, 152, 126, 239));
  options.top_k = 10;
  options.typical_p = 0.9;
  EXPECT_THAT(tokens(options),
              ElementsAre(110, 165, 42, 165, 165, 178, 165, 233));
}

TEST(SamplerTest, LogprobsAreOfTheModelBeforeAllOptions) {
  SamplingOptions options;
  options.temperature = 0;
  options.logit_bias = {{0, 50}};
  options.logprobs = true;
  options.top_logprobs = 3;
  const std::vector<float> logits{1, 2, 3, 3, kMasked};
  Sampler sampler(options, logits.size());
  std::vector<float> row = logits;
  const TokenChoice choice = sampler.sample(row, {});
  EXPECT_EQ(choice.id, 0);
  const double normaliser =
      std::log(std::exp(1.0) + std::exp(2.0) + 2 * std::exp(3.0));
  ASSERT_TRUE(choice.logprob.has_value());
  EXPECT_NEAR(*choice.logprob, 1 - normaliser, 1e-14);
  ASSERT_EQ(choice.top.size(), 3U);
  EXPECT_EQ(choice.top[0].id, 2);
  EXPECT_EQ(choice.top[1].id, 3);
  EXPECT_EQ(choice.top[2].id, 1);
  EXPECT_NEAR(choice.top[0].logprob, 3 - normaliser, 1e-14);
  EXPECT_NEAR(choice.top[2].logprob, 2 - normaliser, 1e-14);
}

TEST(SamplerTest, LogprobsLeaveOutWhatTheModelExcludes) {
  SamplingOptions options;
  options.logprobs = true;
  options.top_logprobs = 20;
  Sampler sampler(options, 3);
  std::vector<float> row{1, kMasked, 2};
  const TokenChoice choice = sampler.sample(row, {});
  EXPECT_EQ(choice.top.size(), 2U);
}

TEST(SamplerTest, LogprobsDoNotChangeTheToken) {
  const auto logits = random_logits(1000, 9);
  SamplingOptions options;
  options.seed = 3;
  options.frequency_penalty = 0.5;
  SamplingOptions with = options;
  with.logprobs = true;
  with.top_logprobs = 5;
  Sampler plain(options, logits.size());
  Sampler logging(with, logits.size());
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(sample_at(plain, logits, i), sample_at(logging, logits, i));
  }
  std::vector<float> row = logits;
  EXPECT_FALSE(plain.sample(row, {}).logprob.has_value());
}

TEST(SamplerTest, RefusesABiasOutsideTheVocabulary) {
  SamplingOptions options;
  options.logit_bias = {{10, 1}};
  EXPECT_THROW(Sampler(options, 10), InvalidParameterError);
}

}  // namespace
}  // namespace abstractllm::sampling
