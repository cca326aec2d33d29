// Prompts, runs and what is taken from their answers.
// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_runs.h"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <random>
#include <string>

#include "abstractllm/error.h"

namespace abstractllm::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Ids of seeded made-up words: ordinary tokens of any vocabulary, never a
// special one, and another prompt for each run, so that no prefix is reused.
std::vector<std::int32_t> random_prompt(AbstractLLMInterface& model,
                                        unsigned seed, std::size_t count) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> ids;
  while (ids.size() < count) {
    std::string words;
    for (std::size_t i = 0; i < 4 * count + 64; ++i) {
      // No distribution of the standard library: they differ between
      // implementations.
      const auto draw = random() % 32;
      words += draw < 26 ? static_cast<char>('a' + draw) : ' ';
    }
    const auto more = model.tokenize(words, false);
    if (more.empty()) {
      throw GenerationError("[bench] the tokenizer gives no tokens for text");
    }
    ids.insert(ids.end(), more.begin(), more.end());
  }
  ids.resize(count);
  return ids;
}

class Bench {
 public:
  Bench(const BenchRuns& runs, AbstractLLMInterface& model)
      : runs_(runs), model_(model) {}

  Measurements measure() {
    for (int i = 0; i < runs_.warmup; ++i) one_run(runs_.repeat + i);
    result_ = {};
    for (int i = 0; i < runs_.repeat; ++i) one_run(i);
    return std::move(result_);
  }

 private:
  void one_run(int number) {
    number_ = number;
    if (runs_.concurrency > 1) {
      run_together();
    } else {
      run_alone();
    }
  }

  Request make_request(int answer, int max_tokens) const {
    const int seed = number_ * runs_.concurrency + answer;
    Request request;
    request.prompt_token_ids =
        random_prompt(model_, runs_.seed + static_cast<unsigned>(seed),
                      static_cast<std::size_t>(runs_.prompt_tokens));
    request.parameters.temperature = 0;
    request.parameters.ignore_eos = true;
    request.parameters.max_tokens = max_tokens;
    return request;
  }

  void run_alone() {
    const GenerateResponse answer =
        model_.generate(make_request(0, runs_.max_tokens));
    const Timings& timings = answer.timings;
    const int computed =
        answer.usage.prompt_tokens - answer.usage.cached_tokens;
    const int steps = answer.usage.completion_tokens - 1;
    require_time(timings.prefill_seconds, computed);
    require_time(timings.decode_seconds, steps);
    result_.prefill.push_back(computed / timings.prefill_seconds);
    result_.decode.push_back(steps / timings.decode_seconds);
    result_.first_token.push_back(timings.time_to_first_token_seconds);
    if (timings.decode_kernel_seconds > 0) {
      result_.steps.push_back({timings.decode_seconds / steps,
                               timings.decode_build_seconds / steps,
                               timings.decode_kernel_seconds / steps,
                               timings.decode_sampling_seconds / steps});
    }
  }

  void run_together() {
    compute_prompts();
    std::vector<Request> requests;
    for (int i = 0; i < runs_.concurrency; ++i) {
      requests.push_back(make_request(i, runs_.max_tokens));
    }
    const auto start = Clock::now();
    std::vector<std::future<GenerateResponse>> answers;
    for (const Request& request : requests) {
      answers.push_back(std::async(std::launch::async, [this, &request] {
        return model_.generate(request);
      }));
    }
    int tokens = 0;
    for (auto& answer : answers) tokens += answer.get().usage.completion_tokens;
    const double seconds =
        std::chrono::duration<double>(Clock::now() - start).count();
    require_time(seconds, tokens);
    result_.decode.push_back(tokens / seconds);
  }

  void compute_prompts() {
    int tokens = 0;
    double seconds = 0;
    double first_token = 0;
    for (int i = 0; i < runs_.concurrency; ++i) {
      const GenerateResponse answer = model_.generate(make_request(i, 1));
      tokens += answer.usage.prompt_tokens - answer.usage.cached_tokens;
      seconds += answer.timings.prefill_seconds;
      first_token += answer.timings.time_to_first_token_seconds;
    }
    require_time(seconds, tokens);
    result_.prefill.push_back(tokens / seconds);
    result_.first_token.push_back(first_token / runs_.concurrency);
  }

  void require_time(double seconds, int tokens) const {
    if (seconds > 0 && tokens > 0) return;
    throw GenerationError(
        fmt::format("[bench] run {}: nothing to measure in {} tokens in {} s",
                    number_ + 1, tokens, seconds));
  }

  const BenchRuns& runs_;
  AbstractLLMInterface& model_;
  int number_ = 0;
  Measurements result_;
};

}  // namespace

Measurements measure(const BenchRuns& runs, AbstractLLMInterface& model) {
  return Bench(runs, model).measure();
}

}  // namespace abstractllm::cli
