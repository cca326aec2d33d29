// Time to choose one token, by options and vocabulary.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "sampling/sampler.h"

namespace {

using abstractllm::sampling::Sampler;
using abstractllm::sampling::TokenHistory;
using abstractllm::types::SamplingOptions;

enum Shape {
  kPeaked,  // as language models give: most of the mass on some hundred tokens
  kFlat,    // normal noise: the mass spread over the whole vocabulary
};

std::vector<float> make_logits(std::size_t vocabulary, Shape shape) {
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0, shape == kPeaked ? 2.5F : 1.0F);
  std::vector<float> logits(vocabulary);
  for (float& logit : logits) logit = noise(random);
  if (shape == kPeaked) {
    for (int i = 0; i < 300; ++i) {
      logits[random() % vocabulary] = 18 - 3 * std::log(1.0F + float(i));
    }
  }
  return logits;
}

void run(benchmark::State& state, const SamplingOptions& options) {
  const auto vocabulary = static_cast<std::size_t>(state.range(0));
  const auto original =
      make_logits(vocabulary, static_cast<Shape>(state.range(1)));
  std::vector<float> logits = original;
  std::vector<std::int32_t> tokens(1024);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<std::int32_t>(i * 37 % vocabulary);
  }
  Sampler sampler(options, vocabulary);
  const bool is_changed = options.repetition_penalty != 1;
  std::size_t length = 512;
  for (auto _ : state) {
    if (is_changed) std::copy(original.begin(), original.end(), logits.begin());
    const TokenHistory history{{tokens.data(), length}, 256};
    benchmark::DoNotOptimize(sampler.sample(logits, history));
    length = length == tokens.size() ? 512 : length + 1;
  }
}

SamplingOptions base() {
  SamplingOptions options;
  options.seed = 42;
  return options;
}

void greedy(benchmark::State& state) {
  SamplingOptions options = base();
  options.temperature = 0;
  run(state, options);
}

void temperature(benchmark::State& state) { run(state, base()); }

void top_k(benchmark::State& state) {
  SamplingOptions options = base();
  options.top_k = 40;
  run(state, options);
}

void top_p(benchmark::State& state) {
  SamplingOptions options = base();
  options.top_p = 0.9;
  run(state, options);
}

void min_p(benchmark::State& state) {
  SamplingOptions options = base();
  options.min_p = 0.05;
  run(state, options);
}

void typical_p(benchmark::State& state) {
  SamplingOptions options = base();
  options.typical_p = 0.95;
  run(state, options);
}

// Every filter and penalty, and the copy that undoes the penalties.
void all(benchmark::State& state) {
  SamplingOptions options = base();
  options.top_k = 100;
  options.top_p = 0.95;
  options.min_p = 0.02;
  options.typical_p = 0.95;
  options.repetition_penalty = 1.1;
  options.presence_penalty = 0.1;
  options.frequency_penalty = 0.1;
  options.repetition_window = 0;
  run(state, options);
}

void logprobs(benchmark::State& state) {
  SamplingOptions options = base();
  options.temperature = 0;
  options.logprobs = true;
  options.top_logprobs = 5;
  run(state, options);
}

void vocabularies(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"vocabulary", "flat"})
      ->ArgsProduct({{49152, 151936}, {kPeaked, kFlat}})
      ->Unit(benchmark::kMicrosecond);
}

BENCHMARK(greedy)->Apply(vocabularies);
BENCHMARK(temperature)->Apply(vocabularies);
BENCHMARK(top_k)->Apply(vocabularies);
BENCHMARK(top_p)->Apply(vocabularies);
BENCHMARK(min_p)->Apply(vocabularies);
BENCHMARK(typical_p)->Apply(vocabularies);
BENCHMARK(all)->Apply(vocabularies);
BENCHMARK(logprobs)->Apply(vocabularies);

}  // namespace

BENCHMARK_MAIN();
