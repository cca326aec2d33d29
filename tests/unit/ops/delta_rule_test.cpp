// The gated delta rule against plain loops, whole and in chunks.
// SPDX-License-Identifier: Apache-2.0
#include "ops/delta_rule.h"

#include <gtest/gtest.h>

#include "block_data.h"
#include "cache/recurrent_cache.h"

namespace abstractllm::ops::testing {
namespace {

constexpr int kHidden = 16;
constexpr int kTokens = 9;
constexpr int kKernel = 3;
constexpr float kClose = 2e-5f;
constexpr DeltaRuleSpec kSpec{
    .key_heads = 2, .value_heads = 4, .key_dim = 5, .value_dim = 3};

struct Layer {
  Matrix input;
  Matrix rates;
  Matrix output;
  Values taps;
  Values step_bias;
  Values decay;
  Values norm;

  explicit Layer(Random& random)
      : input(random, kSpec.channels() + kSpec.values(), kHidden),
        rates(random, 2 * kSpec.value_heads, kHidden),
        output(random, kHidden, kSpec.values()),
        taps(random.values(kKernel * kSpec.channels())),
        step_bias(random.values(kSpec.value_heads)),
        decay(random.values(kSpec.value_heads)),
        norm(random.values(kSpec.value_dim)) {
    for (float& value : decay) value = -std::exp(value);
  }

  DeltaRuleBlock block(const Backend& backend) const {
    return {
        .frame = {},
        .spec = kSpec,
        .input = input.linear(backend),
        .rates = rates.linear(backend),
        .convolution = {.kernel = kKernel, .weight = to_array(taps, kKernel)},
        .step_bias = make_floats(step_bias),
        .decay = make_floats(decay),
        .norm = rms_norm(backend, norm),
        .output = output.linear(backend)};
  }
};

Values of_length_one(std::span<const float> x) {
  double squares = 1e-6;
  for (const float value : x) squares += value * value;
  Values y(x.begin(), x.end());
  for (float& value : y) value /= static_cast<float>(std::sqrt(squares));
  return y;
}

// One token of one head; `memory` is (value_dim, key_dim).
Values step(const Values& query, const Values& key,
            std::span<const float> value, float kept, float share,
            Values& memory) {
  Values out(kSpec.value_dim);
  for (int p = 0; p < kSpec.value_dim; ++p) {
    float* row = &memory[p * kSpec.key_dim];
    float known = 0;
    for (int i = 0; i < kSpec.key_dim; ++i) {
      row[i] *= kept;
      known += row[i] * key[i];
    }
    for (int i = 0; i < kSpec.key_dim; ++i) {
      row[i] += (value[p] - known) * share * key[i];
      out[p] += row[i] * query[i] / std::sqrt(float(kSpec.key_dim));
    }
  }
  return out;
}

Values expected(const Layer& layer, const Values& input) {
  const int channels = kSpec.channels();
  std::vector<Values> memory(kSpec.value_heads,
                             Values(kSpec.value_dim * kSpec.key_dim));
  Values projected;
  Values output = input;
  for (int t = 0; t < kTokens; ++t) {
    const auto x = row_of(input, t, kHidden);
    const Values row = layer.input.apply(x);
    const Values rates = layer.rates.apply(x);
    projected.insert(projected.end(), row.begin(), row.begin() + channels);
    Values mixed(channels);
    for (int i = 0; i < channels; ++i) {
      for (int k = std::max(0, kKernel - 1 - t); k < kKernel; ++k) {
        mixed[i] += layer.taps[k * channels + i] *
                    projected[(t - kKernel + 1 + k) * channels + i];
      }
      mixed[i] = silu(mixed[i]);
    }
    Values gated;
    for (int head = 0; head < kSpec.value_heads; ++head) {
      const auto part = std::span<const float>(mixed);
      const int key_at = head / 2 * kSpec.key_dim;
      const float rate =
          rates[kSpec.value_heads + head] + layer.step_bias[head];
      const Values y = apply_rms_norm(
          step(
              of_length_one(part.subspan(key_at, kSpec.key_dim)),
              of_length_one(part.subspan(kSpec.keys() + key_at, kSpec.key_dim)),
              part.subspan(2 * kSpec.keys() + head * kSpec.value_dim,
                           kSpec.value_dim),
              std::exp(std::log1p(std::exp(rate)) * layer.decay[head]),
              sigmoid(rates[head]), memory[head]),
          layer.norm);
      for (int p = 0; p < kSpec.value_dim; ++p) {
        gated.push_back(y[p] *
                        silu(row[channels + head * kSpec.value_dim + p]));
      }
    }
    const Values y = layer.output.apply(gated);
    for (int i = 0; i < kHidden; ++i) output[t * kHidden + i] += y[i];
  }
  return output;
}

TEST(DeltaRule, CorrectsWhatItRemembers) {
  Random random(23);
  const Layer layer(random);
  const Values input = random.values(kTokens * kHidden);
  const Values want = expected(layer, input);
  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const DeltaRuleBlock block = layer.block(backend);
    for (const int chunk : {1, 4, kTokens}) {
      KvLayers kv;
      kv.push_back(cache::make_recurrent_cache(0));
      Values got;
      for (int first = 0; first < kTokens; first += chunk) {
        const int rows = std::min(chunk, kTokens - first);
        const mx::array x =
            to_array(Values(input.begin() + first * kHidden,
                            input.begin() + (first + rows) * kHidden),
                     rows);
        const Values y =
            to_values(delta_rule_block(x, x, block, 0, Step{{{&kv, 0, rows}}}));
        got.insert(got.end(), y.begin(), y.end());
      }
      EXPECT_EQ(kv[0]->length(), kTokens);
      EXPECT_LT(distance(got, want), kClose)
          << "backend " << static_cast<int>(backend.kind) << ", chunks of "
          << chunk;
    }
  }
}

}  // namespace
}  // namespace abstractllm::ops::testing
