// What each subcommand's file gives to the program.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "cli/cli.h"

namespace CLI {
class App;
}

namespace abstractllm::cli {

/// The command line being built and then run. The subcommand that was chosen
/// sets `run`, which returns the exit code or throws abstractllm::Error.
struct Invocation {
  CliEnvironment& environment;
  std::function<int()> run;
};

/// Each adds one subcommand with its options to `app`. `invocation` outlives
/// the parsing and the run.
void add_run_command(CLI::App& app, Invocation& invocation);
void add_chat_command(CLI::App& app, Invocation& invocation);
void add_providers_command(CLI::App& app, Invocation& invocation);
void add_pull_command(CLI::App& app, Invocation& invocation);
void add_rm_command(CLI::App& app, Invocation& invocation);
void add_doctor_command(CLI::App& app, Invocation& invocation);
void add_convert_command(CLI::App& app, Invocation& invocation);
void add_quantize_command(CLI::App& app, Invocation& invocation);
void add_show_command(CLI::App& app, Invocation& invocation);
void add_sessions_command(CLI::App& app, Invocation& invocation);
void add_list_command(CLI::App& app, Invocation& invocation);
void add_tokenize_command(CLI::App& app, Invocation& invocation);
void add_embed_command(CLI::App& app, Invocation& invocation);
void add_bench_command(CLI::App& app, Invocation& invocation);
void add_eval_command(CLI::App& app, Invocation& invocation);
void add_config_command(CLI::App& app, Invocation& invocation);
void add_completion_command(CLI::App& app, Invocation& invocation);
void add_help_command(CLI::App& app, Invocation& invocation);

}  // namespace abstractllm::cli
