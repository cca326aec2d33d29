// `allm doctor`: what this machine is, and whether a model runs on it.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

// Exit status of a model that does not run: a check that did not hold.
constexpr int kExitUnfit = 1;

struct DoctorOptions {
  ModelOptions model;
  bool json = false;
};

std::string as_table(const Diagnosis::Section& section) {
  std::vector<std::size_t> widths;
  for (const auto& row : section.rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text = section.title + "\n";
  for (const auto& row : section.rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format(" {:{}}", one_line(row[i]), widths[i]);
      if (i + 1 < row.size()) line += ' ';
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string as_text(const Diagnosis& diagnosis) {
  std::string text;
  for (const Diagnosis::Section& section : diagnosis.sections) {
    text += as_table(section) + "\n";
  }
  for (const std::string& note : diagnosis.notes) {
    text += "note: " + one_line(note) + "\n";
  }
  text += fmt::format("verdict: {}", to_string(diagnosis.verdict));
  if (!diagnosis.reason.empty()) {
    text += ": " + one_line(diagnosis.reason);
  }
  return text + "\n";
}

int examine(const DoctorOptions& options, CliEnvironment& env) {
  ProviderConfig config = provider_config(options.model, "mlx", env);
  config.model = options.model.config.model;
  if (!config.model.empty()) {
    const ModelAddress address = model_address(config.model, env);
    if (address.provider != "mlx") {
      throw UsageError(
          fmt::format("{} runs its models elsewhere", address.provider),
          "'allm providers' says whether it can be reached.");
    }
    config.model = address.model;
  }
  const Diagnosis diagnosis = env.models.diagnose(config);
  env.out.write(options.json ? diagnosis.json + "\n" : as_text(diagnosis));
  return diagnosis.verdict == Verdict::kDoesNotRun ? kExitUnfit : 0;
}

}  // namespace

void add_doctor_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Say whether and how a model runs on this machine");
  const auto options = std::make_shared<DoctorOptions>();
  command
      ->add_option("MODEL", options->model.config.model,
                   "What to look at; without it the machine alone")
      ->type_name("MODEL");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_fit_options(*command, options->model);
  command->footer(
      "Only the headers of a model's files are read. The options are those of "
      "'allm run', and what they need is what is judged. The exit status is 1 "
      "for a model that does not run.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return examine(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
