// `allm bench`: speed and memory of one model.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "abstractllm/error.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/statistics.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct BenchOptions {
  ModelOptions model;
  int prompt_tokens = 512;
  int max_tokens = 128;
  int repeat = 5;
  int warmup = 1;
  unsigned seed = 0;
  bool json = false;
};

struct Measurements {
  double load_seconds = 0;
  std::vector<double> prefill;      // tokens/s
  std::vector<double> decode;       // tokens/s
  std::vector<double> first_token;  // seconds
};

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
  return static_cast<std::uint64_t>(usage.ru_maxrss);
#else
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
}

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

GenerateResponse one_run(const BenchOptions& options,
                         AbstractLLMInterface& model, int number) {
  Request request;
  request.prompt_token_ids =
      random_prompt(model, options.seed + static_cast<unsigned>(number),
                    static_cast<std::size_t>(options.prompt_tokens));
  request.parameters.temperature = 0;
  request.parameters.ignore_eos = true;
  request.parameters.max_tokens = options.max_tokens;
  return model.generate(request);
}

Measurements measure(const BenchOptions& options, CliEnvironment& env) {
  using Clock = std::chrono::steady_clock;
  Measurements result;
  const auto start = Clock::now();
  const auto model = open_model(options.model, env);
  result.load_seconds =
      std::chrono::duration<double>(Clock::now() - start).count();
  for (int i = 0; i < options.warmup; ++i) {
    one_run(options, *model, options.repeat + i);
  }
  for (int i = 0; i < options.repeat; ++i) {
    const GenerateResponse answer = one_run(options, *model, i);
    const Timings& timings = answer.timings;
    const int computed =
        answer.usage.prompt_tokens - answer.usage.cached_tokens;
    if (answer.usage.completion_tokens < 2 || timings.prefill_seconds <= 0 ||
        timings.decode_seconds <= 0) {
      throw GenerationError(fmt::format(
          "[bench] run {}: nothing to measure in {} tokens, prefill "
          "{} s, decode {} s",
          i + 1, answer.usage.completion_tokens, timings.prefill_seconds,
          timings.decode_seconds));
    }
    result.prefill.push_back(computed / timings.prefill_seconds);
    result.decode.push_back((answer.usage.completion_tokens - 1) /
                            timings.decode_seconds);
    result.first_token.push_back(timings.time_to_first_token_seconds);
  }
  return result;
}

Json spread_json(const std::vector<double>& values) {
  const Spread spread = spread_of(values);
  return {{"median", spread.median},
          {"lowest", spread.lowest},
          {"highest", spread.highest},
          {"runs", values}};
}

std::string as_json(const BenchOptions& options, const Measurements& measured) {
  const Json json = {
      {"model", options.model.config.model},
      {"prefill_tokens_per_second", spread_of(measured.prefill).median},
      {"decode_tokens_per_second", spread_of(measured.decode).median},
      {"time_to_first_token_seconds", spread_of(measured.first_token).median},
      {"peak_memory_bytes", peak_memory_bytes()},
      {"load_seconds", measured.load_seconds},
      {"prompt_tokens", options.prompt_tokens},
      {"max_tokens", options.max_tokens},
      {"repeat", options.repeat},
      {"threads", options.model.config.threads},
      {"cpu_backend", options.model.config.cpu_backend},
      {"details",
       {{"prefill_tokens_per_second", spread_json(measured.prefill)},
        {"decode_tokens_per_second", spread_json(measured.decode)},
        {"time_to_first_token_seconds", spread_json(measured.first_token)}}}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string row(std::string_view name, const std::vector<double>& values,
                int digits, std::string_view unit) {
  const Spread spread = spread_of(values);
  return fmt::format("{:20}  {:>10.{}f} {}  ({:.{}f} to {:.{}f})\n", name,
                     spread.median, digits, unit, spread.lowest, digits,
                     spread.highest, digits);
}

std::string as_text(const BenchOptions& options, const Measurements& measured) {
  return fmt::format("{}: {} prompt tokens, {} generated, median of {} runs\n",
                     options.model.config.model, options.prompt_tokens,
                     options.max_tokens, options.repeat) +
         row("prefill", measured.prefill, 1, "tokens/s") +
         row("decode", measured.decode, 1, "tokens/s") +
         row("time to first token", measured.first_token, 3, "s") +
         fmt::format("{:20}  {:>10.3f} s\n", "load", measured.load_seconds) +
         fmt::format("{:20}  {:>10.1f} MB\n", "peak memory",
                     static_cast<double>(peak_memory_bytes()) / 1e6);
}

}  // namespace

void add_bench_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("bench", "Measure a model's speed and memory");
  const auto options = std::make_shared<BenchOptions>();
  add_model_argument(*command, options->model);
  const auto add_count = [&](const char* name, int& value, int least,
                             const char* text) {
    command->add_option(name, value, text)
        ->check(CLI::Range(least, 1 << 24).description(""))
        ->type_name("N");
  };
  add_count("--prompt-tokens", options->prompt_tokens, 1,
            "Length of the prompt (512)");
  add_count("--max-tokens", options->max_tokens, 2,
            "Tokens to generate in each run (128)");
  add_count("--repeat", options->repeat, 1, "Measured runs (5)");
  add_count("--warmup", options->warmup, 0, "Runs before the first (1)");
  command->add_option("--seed", options->seed, "Of the made-up prompts (0)")
      ->type_name("N");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_engine_options(*command, options->model);
  command->footer(
      "Greedy, on past the model's end tokens. Decode counts the tokens after "
      "the first one.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      const Measurements measured = measure(*options, invocation.environment);
      invocation.environment.out.write(options->json
                                           ? as_json(*options, measured)
                                           : as_text(*options, measured));
      return 0;
    };
  });
}

}  // namespace abstractllm::cli
