// `allm bench`: speed and memory of one model.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/bench_runs.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/statistics.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct BenchOptions {
  ModelOptions model;
  BenchRuns runs;
  bool json = false;
};

struct Report {
  double load_seconds = 0;
  std::string precision{};  // local models: how they compute
  Measurements runs;
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

std::string precision_of(AbstractLLMInterface& model) {
  if (model.provider() != "mlx") return {};
  for (const auto& [key, value] : model.describe()) {
    if (key == "cpu_precision") return value;
  }
  return {};
}

Report measure_model(const BenchOptions& options, CliEnvironment& env) {
  const auto start = std::chrono::steady_clock::now();
  const auto model = open_model(options.model, env);
  const std::chrono::duration<double> load =
      std::chrono::steady_clock::now() - start;
  return {load.count(), precision_of(*model), measure(options.runs, *model)};
}

Json spread_json(const std::vector<double>& values) {
  const Spread spread = spread_of(values);
  return {{"median", spread.median},
          {"lowest", spread.lowest},
          {"highest", spread.highest},
          {"runs", values}};
}

double median_of(const std::vector<DecodeStep>& steps,
                 double DecodeStep::*part) {
  std::vector<double> values;
  for (const DecodeStep& step : steps) values.push_back(step.*part);
  return spread_of(values).median;
}

// Medians, and the rest: MLX's dispatch and handing tokens on.
struct StepReport {
  explicit StepReport(const std::vector<DecodeStep>& steps)
      : seconds(median_of(steps, &DecodeStep::seconds)),
        build(median_of(steps, &DecodeStep::build)),
        kernels(median_of(steps, &DecodeStep::kernels)),
        sampling(median_of(steps, &DecodeStep::sampling)) {}

  double dispatch() const { return seconds - build - kernels - sampling; }
  double host_share() const { return 1 - kernels / seconds; }

  double seconds, build, kernels, sampling;
};

Json step_json(const StepReport& step) {
  return {{"seconds", step.seconds},
          {"kernel_seconds", step.kernels},
          {"build_seconds", step.build},
          {"sampling_seconds", step.sampling},
          {"dispatch_seconds", step.dispatch()},
          {"host_share", step.host_share()}};
}

std::string as_json(const BenchOptions& options, const Report& report) {
  const Measurements& runs = report.runs;
  Json json = {
      {"model", options.model.config.model},
      {"prefill_tokens_per_second", spread_of(runs.prefill).median},
      {"decode_tokens_per_second", spread_of(runs.decode).median},
      {"time_to_first_token_seconds", spread_of(runs.first_token).median},
      {"peak_memory_bytes", peak_memory_bytes()},
      {"load_seconds", report.load_seconds},
      {"prompt_tokens", options.runs.prompt_tokens},
      {"max_tokens", options.runs.max_tokens},
      {"repeat", options.runs.repeat},
      {"concurrency", options.runs.concurrency},
      {"threads", options.model.config.threads},
      {"cpu_backend", options.model.config.cpu_backend}};
  if (!report.precision.empty()) json["cpu_precision"] = report.precision;
  if (!runs.steps.empty())
    json["decode_step"] = step_json(StepReport(runs.steps));
  json["details"] = {
      {"prefill_tokens_per_second", spread_json(runs.prefill)},
      {"decode_tokens_per_second", spread_json(runs.decode)},
      {"time_to_first_token_seconds", spread_json(runs.first_token)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string row(std::string_view name, const std::vector<double>& values,
                int digits, std::string_view unit) {
  const Spread spread = spread_of(values);
  return fmt::format("{:20}  {:>10.{}f} {}  ({:.{}f} to {:.{}f})\n", name,
                     spread.median, digits, unit, spread.lowest, digits,
                     spread.highest, digits);
}

std::string step_text(const StepReport& step) {
  return fmt::format(
      "{:20}  {:>10.3f} ms: kernels {:.3f}, graph {:.3f}, dispatch {:.3f}, "
      "sampling {:.3f}; {:.1f} % outside of kernels\n",
      "decode step", 1e3 * step.seconds, 1e3 * step.kernels, 1e3 * step.build,
      1e3 * step.dispatch(), 1e3 * step.sampling, 100 * step.host_share());
}

std::string as_text(const BenchOptions& options, const Report& report) {
  const Measurements& runs = report.runs;
  std::string title = fmt::format(
      "{}: {} prompt tokens, {} generated, ", options.model.config.model,
      options.runs.prompt_tokens, options.runs.max_tokens);
  if (options.runs.concurrency > 1) {
    title += fmt::format("{} at once, ", options.runs.concurrency);
  }
  return title + fmt::format("median of {} runs\n", options.runs.repeat) +
         row("prefill", runs.prefill, 1, "tokens/s") +
         row("decode", runs.decode, 1, "tokens/s") +
         row("time to first token", runs.first_token, 3, "s") +
         (runs.steps.empty() ? "" : step_text(StepReport(runs.steps))) +
         fmt::format("{:20}  {:>10.3f} s\n", "load", report.load_seconds) +
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
  add_count("--prompt-tokens", options->runs.prompt_tokens, 1,
            "Length of the prompt (512)");
  add_count("--max-tokens", options->runs.max_tokens, 2,
            "Tokens to generate in each run (128)");
  add_count("--repeat", options->runs.repeat, 1, "Measured runs (5)");
  add_count("--warmup", options->runs.warmup, 0, "Runs before the first (1)");
  add_count("--concurrency", options->runs.concurrency, 1,
            "Answers at once (1)");
  command
      ->add_option("--seed", options->runs.seed, "Of the made-up prompts (0)")
      ->type_name("N");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_engine_options(*command, options->model);
  command->footer(
      "Greedy, on past the model's end tokens. Decode counts the tokens after "
      "the first one. With several answers at once it is the rate of all of "
      "them together, their prompts computed before.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      const Report report = measure_model(*options, invocation.environment);
      invocation.environment.out.write(options->json
                                           ? as_json(*options, report)
                                           : as_text(*options, report));
      return 0;
    };
  });
}

}  // namespace abstractllm::cli
