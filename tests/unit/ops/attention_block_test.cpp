// Attention blocks against plain loops: sinks, norms over all heads, values of
// their own size, latent keys.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "block_data.h"
#include "cache/kv_cache.h"
#include "ops/latent_attention.h"

namespace abstractllm::ops::testing {
namespace {

constexpr int kHidden = 24;
constexpr int kTokens = 9;
constexpr float kClose = 2e-5f;

// Scores of one head for token t, softmax with the sink, weighted values.
Values attend(const Values& q, const Values& k, const Values& v, int t,
              int head, int kv_head, const AttentionSpec& spec, int kv_heads,
              const float* sink) {
  const int size = spec.head_dim;
  const int value_size = spec.value_size();
  const auto query = row_of(q, t, spec.heads * size).subspan(head * size, size);
  std::vector<double> weights;
  double sum = sink ? std::exp(*sink) : 0;
  const int stretch = spec.chunked ? t % spec.window + 1 : spec.window;
  const int first = spec.window > 0 ? std::max(0, t - stretch + 1) : 0;
  for (int s = first; s <= t; ++s) {
    const auto key =
        row_of(k, s, kv_heads * size).subspan(kv_head * size, size);
    double score = 0;
    for (int i = 0; i < size; ++i) score += query[i] * key[i];
    weights.push_back(std::exp(score * spec.scale));
    sum += weights.back();
  }
  Values out(value_size);
  for (int s = first; s <= t; ++s) {
    const auto value = row_of(v, s, kv_heads * value_size)
                           .subspan(kv_head * value_size, value_size);
    for (int i = 0; i < value_size; ++i) {
      out[i] += static_cast<float>(weights[s - first] / sum * value[i]);
    }
  }
  return out;
}

// Runs `block` over the rows in chunks, with caches of their own.
template <typename Block, typename Run>
Values run_in_chunks(const Backend& backend, const Block& block,
                     const Values& input, int chunk, Run run) {
  KvLayers kv;
  kv.push_back(cache::make_kv_layer(backend, block.spec));
  Values outputs;
  for (int first = 0; first < kTokens; first += chunk) {
    const int rows = std::min(chunk, kTokens - first);
    const Values part(input.begin() + first * kHidden,
                      input.begin() + (first + rows) * kHidden);
    const mx::array x = to_array(part, rows);
    const Values y = to_values(run(x, x, block, 0, Step{{{&kv, 0, rows}}}));
    outputs.insert(outputs.end(), y.begin(), y.end());
  }
  return outputs;
}

TEST(AttentionBlock, DrawsWeightIntoSinksAndNormsAllHeadsTogether) {
  constexpr int kHeads = 4;
  constexpr int kKvHeads = 2;
  constexpr int kSize = 8;
  Random random(3);
  const Matrix q(random, kHeads * kSize, kHidden);
  const Matrix k(random, kKvHeads * kSize, kHidden);
  const Matrix v(random, kKvHeads * kSize, kHidden);
  const Matrix o(random, kHidden, kHeads * kSize);
  const Values q_norm = random.values(kHeads * kSize);
  const Values k_norm = random.values(kKvHeads * kSize);
  const Values sinks = random.values(kHeads);
  const Values input = random.values(kTokens * kHidden);
  AttentionSpec spec{.heads = kHeads,
                     .kv_heads = kKvHeads,
                     .head_dim = kSize,
                     .scale = 0.4f,
                     .window = 4,
                     .rope = {}};
  spec.sinks = make_floats(sinks);

  Values queries;
  Values keys;
  Values values;
  const auto append = [](Values& to, const Values& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (int t = 0; t < kTokens; ++t) {
    const auto x = row_of(input, t, kHidden);
    append(queries, apply_rms_norm(q.apply(x), q_norm));
    append(keys, apply_rms_norm(k.apply(x), k_norm));
    append(values, v.apply(x));
  }
  Values want = input;
  for (int t = 0; t < kTokens; ++t) {
    Values heads;
    for (int head = 0; head < kHeads; ++head) {
      append(heads, attend(queries, keys, values, t, head, head / 2, spec,
                           kKvHeads, &sinks[head]));
    }
    const Values y = o.apply(heads);
    for (int i = 0; i < kHidden; ++i) want[t * kHidden + i] += y[i];
  }

  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const AttentionBlock block{.frame = {},
                               .spec = spec,
                               .query = q.linear(backend),
                               .key = k.linear(backend),
                               .value = v.linear(backend),
                               .output = o.linear(backend),
                               .query_norm = rms_norm(backend, q_norm),
                               .key_norm = rms_norm(backend, k_norm)};
    for (const int chunk : {1, 4, kTokens}) {
      EXPECT_LT(
          distance(run_in_chunks(backend, block, input, chunk, attention_block),
                   want),
          kClose)
          << "backend " << static_cast<int>(backend.kind) << ", chunks of "
          << chunk;
    }
  }
}

// A layer whose windows are stretches, whose queries grow and which is gated,
// and one that meets its keys and values with queries of its own.
class StretchedAttention {
 public:
  static constexpr int kHeads = 4;
  static constexpr int kSize = 6;

  explicit StretchedAttention(Random& random)
      : q_(random, kHeads * kSize, kHidden),
        k_(random, 2 * kSize, kHidden),
        v_(random, 2 * kSize, kHidden),
        o_(random, kHidden, kHeads * kSize),
        gate_(random, kHeads * kSize, kHidden),
        later_q_(random, kHeads * kSize, kHidden),
        later_o_(random, kHidden, kHeads * kSize) {}

  AttentionBlock first(const Backend& backend) const {
    return {.frame = {},
            .spec = spec(),
            .query = q_.linear(backend),
            .key = k_.linear(backend),
            .value = v_.linear(backend),
            .output = o_.linear(backend),
            .value_norm = rms_norm(backend, Values(kSize, 1.0f)),
            .gate = gate_.linear(backend)};
  }

  AttentionBlock later(const Backend& backend) const {
    return {.frame = {},
            .spec = spec(),
            .query = later_q_.linear(backend),
            .key = later_q_.linear(backend),
            .value = later_q_.linear(backend),
            .output = later_o_.linear(backend),
            .reuses_cache = true};
  }

  Values expected(const Values& input) const {
    Values keys;
    Values values;
    for (int t = 0; t < kTokens; ++t) {
      const auto x = row_of(input, t, kHidden);
      const Values key = k_.apply(x);
      keys.insert(keys.end(), key.begin(), key.end());
      const Values value = v_.apply(x);
      for (int head = 0; head < 2; ++head) {
        const Values normed =
            apply_rms_norm(row_of(value, head, kSize), Values(kSize, 1.0f));
        values.insert(values.end(), normed.begin(), normed.end());
      }
    }
    const Values middle = run(input, q_, &gate_, o_, keys, values);
    return run(middle, later_q_, nullptr, later_o_, keys, values);
  }

 private:
  static AttentionSpec spec() {
    return {.heads = kHeads,
            .kv_heads = 2,
            .head_dim = kSize,
            .scale = 0.4f,
            .window = 4,
            .chunked = true,
            .rope = {},
            .temperature = 0.5f,
            .temperature_step = 3};
  }

  static Values run(const Values& input, const Matrix& q, const Matrix* gate,
                    const Matrix& o, const Values& keys, const Values& values) {
    Values queries;
    for (int t = 0; t < kTokens; ++t) {
      const float scale =
          1 + 0.5f * std::log(1.0f + std::floor((t + 1) / 3.0f));
      for (const float value : q.apply(row_of(input, t, kHidden))) {
        queries.push_back(value * scale);
      }
    }
    Values output = input;
    for (int t = 0; t < kTokens; ++t) {
      Values heads;
      for (int head = 0; head < kHeads; ++head) {
        const Values y = attend(queries, keys, values, t, head, head / 2,
                                spec(), 2, nullptr);
        heads.insert(heads.end(), y.begin(), y.end());
      }
      if (gate) {
        const Values shares = gate->apply(row_of(input, t, kHidden));
        for (std::size_t i = 0; i < heads.size(); ++i) {
          heads[i] *= sigmoid(shares[i]);
        }
      }
      const Values y = o.apply(heads);
      for (int i = 0; i < kHidden; ++i) output[t * kHidden + i] += y[i];
    }
    return output;
  }

  Matrix q_;
  Matrix k_;
  Matrix v_;
  Matrix o_;
  Matrix gate_;
  Matrix later_q_;
  Matrix later_o_;
};

TEST(AttentionBlock, SeesStretchesGrowsQueriesGatesAndSharesKeys) {
  Random random(17);
  const StretchedAttention layer(random);
  const Values input = random.values(kTokens * kHidden);
  const Values want = layer.expected(input);
  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const AttentionBlock first = layer.first(backend);
    const AttentionBlock later = layer.later(backend);
    const auto both = [&](const mx::array& x, const mx::array& residual,
                          const AttentionBlock& block, int index,
                          const Step& step) {
      const mx::array y = attention_block(x, residual, block, index, step);
      return attention_block(y, y, later, index, step);
    };
    for (const int chunk : {1, 3, kTokens}) {
      EXPECT_LT(
          distance(run_in_chunks(backend, first, input, chunk, both), want),
          kClose)
          << "backend " << static_cast<int>(backend.kind) << ", chunks of "
          << chunk;
    }
  }
}

void turn(float* x, int t, const std::vector<float>& frequencies) {
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float angle = static_cast<float>(t) * frequencies[i];
    const float a = x[2 * i];
    const float b = x[2 * i + 1];
    x[2 * i] = a * std::cos(angle) - b * std::sin(angle);
    x[2 * i + 1] = a * std::sin(angle) + b * std::cos(angle);
  }
}

TEST(LatentAttentionBlock, UnfoldsKeysAndValuesOfEachHead) {
  constexpr int kHeads = 3;
  constexpr int kRotated = 4;
  constexpr int kPlain = 6;
  constexpr int kSize = kRotated + kPlain;
  constexpr int kValue = 5;
  constexpr int kLatent = 12;
  constexpr int kRank = 10;
  Random random(5);
  const Matrix down(random, kRank, kHidden);
  const Matrix q(random, kHeads * kSize, kRank);
  const Matrix latent(random, kLatent, kHidden);
  const Matrix rotated(random, kRotated, kHidden);
  const Matrix k(random, kHeads * kPlain, kLatent);
  const Matrix v(random, kHeads * kValue, kLatent);
  const Matrix o(random, kHidden, kHeads * kValue);
  const Values down_norm = random.values(kRank);
  const Values latent_norm = random.values(kLatent);
  const Values input = random.values(kTokens * kHidden);
  const std::vector<float> frequencies{1.0f, 0.1f};
  const AttentionSpec spec{.heads = kHeads,
                           .kv_heads = kHeads,
                           .head_dim = kSize,
                           .value_dim = kValue,
                           .scale = 0.3f,
                           .rope = {.dims = kRotated,
                                    .interleaved = true,
                                    .inverse_frequencies = frequencies}};

  Values queries;
  Values keys;
  Values values;
  for (int t = 0; t < kTokens; ++t) {
    const auto x = row_of(input, t, kHidden);
    Values query = q.apply(apply_rms_norm(down.apply(x), down_norm));
    const Values small = apply_rms_norm(latent.apply(x), latent_norm);
    const Values plain = k.apply(small);
    Values shared = rotated.apply(x);
    turn(shared.data(), t, frequencies);
    for (int head = 0; head < kHeads; ++head) {
      turn(&query[head * kSize], t, frequencies);
      keys.insert(keys.end(), shared.begin(), shared.end());
      keys.insert(keys.end(), plain.begin() + head * kPlain,
                  plain.begin() + (head + 1) * kPlain);
    }
    queries.insert(queries.end(), query.begin(), query.end());
    const Values own = v.apply(small);
    values.insert(values.end(), own.begin(), own.end());
  }
  Values want = input;
  for (int t = 0; t < kTokens; ++t) {
    Values heads;
    for (int head = 0; head < kHeads; ++head) {
      const Values y =
          attend(queries, keys, values, t, head, head, spec, kHeads, nullptr);
      heads.insert(heads.end(), y.begin(), y.end());
    }
    const Values y = o.apply(heads);
    for (int i = 0; i < kHidden; ++i) want[t * kHidden + i] += y[i];
  }

  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const LatentAttentionBlock block{
        .frame = {},
        .spec = spec,
        .query_down = down.linear(backend),
        .query_norm = rms_norm(backend, down_norm),
        .query = q.linear(backend),
        .latent = latent.linear(backend),
        .latent_norm = rms_norm(backend, latent_norm),
        .rotated_key = rotated.linear(backend),
        .key = k.linear(backend),
        .value = v.linear(backend),
        .output = o.linear(backend)};
    for (const int chunk : {1, 4, kTokens}) {
      EXPECT_LT(distance(run_in_chunks(backend, block, input, chunk,
                                       latent_attention_block),
                         want),
                kClose)
          << "backend " << static_cast<int>(backend.kind) << ", chunks of "
          << chunk;
    }
  }
}

}  // namespace
}  // namespace abstractllm::ops::testing
