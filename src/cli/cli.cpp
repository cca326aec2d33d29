// The command line as a whole: definition, parsing, and the edge where errors
// become exit codes.
// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <string_view>

#include "abstractllm/error.h"
#include "cli/commands.h"
#include "cli/help_text.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

// All subcommands, in the order of help and documentation.
constexpr void (*kCommands[])(CLI::App&, Invocation&) = {
    add_run_command,    add_chat_command,       add_sessions_command,
    add_list_command,   add_providers_command,  add_pull_command,
    add_rm_command,     add_convert_command,    add_quantize_command,
    add_show_command,   add_doctor_command,     add_tokenize_command,
    add_embed_command,  add_bench_command,      add_eval_command,
    add_config_command, add_completion_command, add_help_command,
};

void define(CLI::App& app, Invocation& invocation) {
  app.name("allm");
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "Show this text");
  app.set_version_flag("--version", "allm " ABSTRACTLLM_VERSION,
                       "Show the version");
  for (const auto add : kCommands) add(app, invocation);
  app.footer("'allm help COMMAND' says more of one command.");
}

const CLI::App& chosen_command(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->parsed()) return *command;
  }
  return app;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The first word that nothing took.
[[noreturn]] void throw_unexpected(const CLI::App& app) {
  const CLI::App& command = chosen_command(app);
  const std::vector<std::string> words = command.remaining();
  const std::string path = command_path(command);
  const std::string more =
      fmt::format("'{} --help' lists what there is.", path);
  const auto dashed =
      std::find_if(words.begin(), words.end(), [](const std::string& word) {
        return word.starts_with('-') && word != "--";
      });
  if (dashed != words.end()) {
    const std::string name = dashed->substr(0, dashed->find('='));
    std::string hint = suggestion(name, option_names(command));
    if (name.starts_with("--") && !hint.empty()) {
      hint += ' ' + more;
    } else if (dashed->find(' ') != std::string::npos) {
      hint = "Put -- before a prompt that begins with a dash.";
    } else {
      hint = more;
    }
    throw UsageError(fmt::format("unknown option '{}'", name), hint);
  }
  const std::string word = words.empty() ? std::string() : words.front();
  if (&command == &app) {
    std::vector<std::string> known;
    for (const CLI::App* each : app.get_subcommands({})) {
      known.push_back(each->get_name());
    }
    std::string hint = suggestion(word, known);
    if (!hint.empty()) hint += ' ';
    throw UsageError(fmt::format("unknown command '{}'", word), hint + more);
  }
  throw UsageError(
      fmt::format("'{}' takes no further argument '{}'", path, word),
      "A prompt of several words is put in quotes.");
}

void parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success&) {
    throw;
  } catch (const CLI::ExtrasError&) {
    throw_unexpected(app);
  } catch (const CLI::ParseError& error) {
    // A misspelt option also makes what it should have given look missing.
    if (!chosen_command(app).remaining().empty()) throw_unexpected(app);
    throw UsageError(error.what(),
                     fmt::format("'{} --help' says how it is used.",
                                 command_path(chosen_command(app))));
  }
}

int run_command(int argc, const char* const* argv, CliEnvironment& env) {
  Invocation invocation{env, {}};
  CLI::App app("Run language models: in process, or through a provider");
  define(app, invocation);
  try {
    parse(app, argc, argv);
  } catch (const CLI::CallForHelp&) {
    env.out.write(help_text(chosen_command(app), env.columns));
    return 0;
  } catch (const CLI::CallForVersion& version) {
    env.out.write(std::string(version.what()) + "\n");
    return 0;
  }
  if (!invocation.run) {
    throw UsageError("no command given", "'allm --help' lists them.");
  }
  return invocation.run();
}

bool wants_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

}  // namespace

int run_cli(int argc, const char* const* argv, CliEnvironment& environment) {
  const bool json = wants_json(argc, argv);
  const auto report = [&](const Error& error) {
    report_error(environment.err, error, json);
    return error_traits(error.code()).exit_code;
  };
  try {
    return run_command(argc, argv, environment);
  } catch (const BrokenPipe&) {
    return kExitBrokenPipe;
  } catch (const UsageError& error) {
    report_error(environment.err, "UsageError", kExitUsage, error.what(),
                 error.hint(), json);
    return kExitUsage;
  } catch (const Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report(MemoryExceededError(
        "[allm] out of memory", "A smaller model or --context-length helps."));
  } catch (const std::exception& error) {
    return report(InternalError(fmt::format("[allm] {}", error.what()),
                                "This is a bug; please report it."));
  }
}

}  // namespace abstractllm::cli
