// Experts against plain loops, on stock MLX and on the CPU kernels.
// SPDX-License-Identifier: Apache-2.0
#include "ops/moe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "block_data.h"

namespace abstractllm::ops::testing {
namespace {

constexpr int kHidden = 32;
constexpr int kInner = 48;
constexpr int kExperts = 8;
constexpr int kTokens = 11;
constexpr float kClose = 2e-5f;

struct Layer {
  Matrix router;
  std::vector<Matrix> gate;
  std::vector<Matrix> up;
  std::vector<Matrix> down;
  Matrix shared_gate;
  Matrix shared_up;
  Matrix shared_down;
  Matrix shared_weight;
  Values norm;
  Values correction;

  explicit Layer(Random& random, bool bias = false)
      : router(random, kExperts, kHidden, bias),
        shared_gate(random, kInner, kHidden),
        shared_up(random, kInner, kHidden),
        shared_down(random, kHidden, kInner),
        shared_weight(random, 1, kHidden),
        norm(random.values(kHidden)),
        correction(random.values(kExperts, 0.2f)) {
    for (int e = 0; e < kExperts; ++e) {
      gate.emplace_back(random, kInner, kHidden, bias);
      up.emplace_back(random, kInner, kHidden, bias);
      down.emplace_back(random, kHidden, kInner, bias);
    }
  }
};

struct Options {
  RouterSpec spec;
  bool corrected = false;
  bool shared = false;
  bool clamped = false;
};

ExpertLinear stack(const Backend& backend, const std::vector<Matrix>& all) {
  std::vector<io::WeightMatrix> matrices;
  Values bias;
  for (const Matrix& matrix : all) {
    matrices.push_back(matrix.stored());
    bias.insert(bias.end(), matrix.bias.begin(), matrix.bias.end());
  }
  return make_expert_linear(backend, matrices,
                            bias.empty() ? std::nullopt : std::optional(bias));
}

MoeBlock make_block(const Backend& backend, const Layer& layer,
                    const Options& options) {
  MoeBlock block{.frame = {.before = rms_norm(backend, layer.norm)},
                 .router = layer.router.linear(backend),
                 .spec = options.spec,
                 .gate = stack(backend, layer.gate),
                 .up = stack(backend, layer.up),
                 .down = stack(backend, layer.down)};
  if (options.corrected) block.correction = make_floats(layer.correction);
  if (options.clamped) block.clamped = ClampedUnit{.limit = 0.8f};
  if (options.shared) {
    block.shared = SharedExpert{.gate = layer.shared_gate.linear(backend),
                                .up = layer.shared_up.linear(backend),
                                .down = layer.shared_down.linear(backend),
                                .weight = layer.shared_weight.linear(backend)};
  }
  return block;
}

Values gated(const Matrix& gate, const Matrix& up, const Matrix& down,
             const Values& x, bool clamped) {
  Values g = gate.apply(x);
  const Values u = up.apply(x);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const float least = std::min(g[i], 0.8f);
    g[i] = clamped ? least * sigmoid(1.702f * least) *
                         (std::clamp(u[i], -0.8f, 0.8f) + 1)
                   : silu(g[i]) * u[i];
  }
  return down.apply(g);
}

std::vector<int> best(const Values& scores, int count) {
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return scores[a] > scores[b]; });
  order.resize(count);
  return order;
}

// One expert after the other, by arXiv:2409.12136.
std::vector<std::pair<int, float>> mix_sparsely(const Values& scores,
                                                const RouterSpec& spec) {
  Values left = scores;
  std::vector<std::pair<int, float>> chosen;
  for (int i = 0; i < spec.chosen; ++i) {
    const int e = best(left, 1)[0];
    double sum = 0;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      const float scale = std::max(std::abs(scores[j]), left[e]);
      const bool near = (left[e] - scores[j]) / scale <= 2 * spec.jitter;
      if (near) sum += std::exp(left[j] - left[e]);
    }
    chosen.emplace_back(e, static_cast<float>(1 / sum));
    left[e] = -INFINITY;
  }
  return chosen;
}

// The experts of a token and their weights.
std::vector<std::pair<int, float>> choose(Values scores, const Values& added,
                                          const RouterSpec& spec) {
  if (spec.score == RouterScore::kSparseMixer) {
    return mix_sparsely(scores, spec);
  }
  double sum = 0;
  for (float& score : scores) {
    score =
        spec.score == RouterScore::kSigmoid ? sigmoid(score) : std::exp(score);
    sum += score;
  }
  if (spec.score == RouterScore::kSoftmax) {
    for (float& score : scores) score /= static_cast<float>(sum);
  }
  Values choice = scores;
  for (std::size_t i = 0; i < added.size(); ++i) choice[i] += added[i];
  if (spec.groups > 0) {
    const int size = kExperts / spec.groups;
    Values of_group(spec.groups);
    for (int g = 0; g < spec.groups; ++g) {
      Values members(choice.begin() + g * size,
                     choice.begin() + (g + 1) * size);
      std::sort(members.rbegin(), members.rend());
      of_group[g] = spec.group_score == GroupScore::kLargest
                        ? members[0]
                        : members[0] + members[1];
    }
    const std::vector<int> kept = best(of_group, spec.kept);
    for (int e = 0; e < kExperts; ++e) {
      if (std::find(kept.begin(), kept.end(), e / size) == kept.end()) {
        choice[e] = -INFINITY;
      }
    }
  }
  std::vector<std::pair<int, float>> chosen;
  float total = 0;
  for (const int e : best(choice, spec.chosen)) {
    chosen.emplace_back(e, scores[e]);
    total += scores[e];
  }
  for (auto& [expert, weight] : chosen) {
    weight *= spec.scale / (spec.normalise ? total : 1.0f);
  }
  return chosen;
}

Values expected(const Layer& layer, const Options& options, const Values& input,
                const Values& residual) {
  Values output = residual;
  for (int t = 0; t < kTokens; ++t) {
    const Values x = apply_rms_norm(row_of(input, t, kHidden), layer.norm);
    float* y = &output[t * kHidden];
    const auto add = [&](const Values& values, float weight) {
      for (int i = 0; i < kHidden; ++i) y[i] += weight * values[i];
    };
    for (const auto& [e, weight] : choose(
             layer.router.apply(x),
             options.corrected ? layer.correction : Values{}, options.spec)) {
      const bool before = options.spec.scales_input;
      Values entered = x;
      for (float& value : entered) value *= before ? weight : 1.0f;
      add(gated(layer.gate[e], layer.up[e], layer.down[e], entered,
                options.clamped),
          before ? 1.0f : weight);
    }
    if (options.shared) {
      add(gated(layer.shared_gate, layer.shared_up, layer.shared_down, x,
                false),
          sigmoid(layer.shared_weight.apply(x)[0]));
    }
  }
  return output;
}

void expect_equal(const Options& options, bool bias = false) {
  Random random(7);
  const Layer layer(random, bias);
  const Values input = random.values(kTokens * kHidden);
  const Values residual = random.values(kTokens * kHidden);
  const Values want = expected(layer, options, input, residual);
  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const MoeBlock block = make_block(backend, layer, options);
    const Values got = to_values(moe_block(to_array(input, kTokens),
                                           to_array(residual, kTokens), block));
    EXPECT_LT(distance(got, want), kClose)
        << "backend " << static_cast<int>(backend.kind);
  }
}

TEST(MoeBlock, WeighsExpertsBySoftmax) {
  expect_equal({.spec = {.chosen = 2}});
  expect_equal({.spec = {.chosen = 3, .normalise = true, .scale = 2.5f}});
}

TEST(MoeBlock, AddsTheSharedExpert) {
  expect_equal({.spec = {.chosen = 2}, .shared = true});
}

TEST(MoeBlock, ChoosesGroupsFirst) {
  expect_equal({.spec = {.chosen = 3, .groups = 4, .kept = 2}});
  expect_equal({.spec = {.chosen = 3,
                         .score = RouterScore::kSigmoid,
                         .normalise = true,
                         .groups = 4,
                         .kept = 2,
                         .group_score = GroupScore::kSumOfTwoLargest},
                .corrected = true});
}

TEST(MoeBlock, ClampsGateAndUp) {
  expect_equal({.spec = {.chosen = 2, .normalise = true}, .clamped = true},
               /* bias = */ true);
}

TEST(MoeBlock, MixesSparsely) {
  for (const float jitter : {0.01f, 0.3f, 2.0f}) {
    expect_equal({.spec = {.chosen = 2,
                           .score = RouterScore::kSparseMixer,
                           .jitter = jitter}});
  }
}

TEST(MoeBlock, WeighsWhatExpertsGetIfAsked) {
  expect_equal({.spec = {.chosen = 2,
                         .score = RouterScore::kSigmoid,
                         .scales_input = true},
                .shared = true});
}

TEST(MoeBlock, RunsEveryExpertForEveryTokenIfAsked) {
  expect_equal({.spec = {.chosen = kExperts}});
}

}  // namespace
}  // namespace abstractllm::ops::testing
