// The program `allm` as a function of its surroundings.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/convert.h"
#include "abstractllm/factory.h"
#include "cli/interrupts.h"
#include "cli/line_source.h"
#include "cli/streams.h"

namespace abstractllm::cli {

/// Exit code of a command line that cannot be understood.
inline constexpr int kExitUsage = 2;
/// What a shell reports of a filter whose reader went away.
inline constexpr int kExitBrokenPipe = 141;
/// What a shell reports of a program that Ctrl-C ended.
inline constexpr int kExitInterrupted = 130;

/// The models that there are. As the functions of factory.h.
struct ModelAccess {
  std::function<std::unique_ptr<AbstractLLMInterface>(std::string_view provider,
                                                      ProviderConfig)>
      open;
  std::function<std::vector<LocalModel>()> list;
  std::function<ModelDescription(std::string_view)> describe;
  /// Ids and aliases.
  std::function<std::vector<std::string>()> providers;
  std::function<std::vector<ProviderInfo>(const ProviderConnections&)>
      provider_info{};
  std::function<std::vector<ModelEntry>(std::string_view provider,
                                        const ConnectionOptions&)>
      list_of{};
  std::function<void(std::string_view provider, std::string_view model,
                     const ConnectionOptions&,
                     const std::function<bool(const PullProgress&)>&)>
      pull{};
  std::function<ModelRemoval(std::string_view)> plan_removal{};
  std::function<void(const ModelRemoval&)> remove{};
  std::function<Diagnosis(const ProviderConfig&)> diagnose{};
  std::function<ConversionResult(const ConversionOptions&)> convert{};
  std::function<std::string(std::string_view)> provider_id{};
};

/// What the program finds around it. References outlive the run.
struct CliEnvironment {
  Input& in;
  Output& out;
  Output& err;
  ModelAccess models;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  /// Colours on terminals: off with NO_COLOR or TERM=dumb.
  bool color = false;
  /// Width of the terminal; 80 without one.
  int columns = 80;
  /// Where `--session` and `allm sessions` keep conversations; made when the
  /// first is stored.
  std::filesystem::path sessions_file{};
  /// The configuration; read when a command needs it. Empty: none.
  std::filesystem::path config_file{};
  /// Looks a variable of the environment up; null where there is none.
  const char* (*variable)(const char* name) = [](const char*) -> const
      char* { return nullptr; };
  /// As make_edited_lines.
  std::function<std::unique_ptr<LineSource>(std::string history_file,
                                            Interrupts&)>
      edit_lines;
};

/// Runs one command line; returns the exit code: 0, kExitUsage,
/// kExitBrokenPipe, or the one that error_traits gives. Never throws.
int run_cli(int argc, const char* const* argv, CliEnvironment& environment);

/// run_cli on this process's own streams, terminal and environment variables.
int run_process(int argc, const char* const* argv, ModelAccess models);

}  // namespace abstractllm::cli
