// What a user has set up for all runs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/factory.h"
#include "abstractllm/tools.h"

namespace abstractllm::config {

/// The configuration file as values. A plain value; docs/configuration.md says
/// what each means to a user.
struct Configuration {
  std::string default_model{};
  std::map<std::string, std::string, std::less<>> aliases{};
  /// Of every provider; its own come first.
  GenerationParameters parameters{};
  std::map<std::string, ProviderConfig, std::less<>> providers{};
  /// Providers whose api_key_env names a variable that is not set, and which.
  std::map<std::string, std::string, std::less<>> missing_keys{};
  std::map<std::string, McpServer, std::less<>> mcp{};
  std::filesystem::path trace_file{};
  bool trace_texts = false;

  /// The settings of `provider` with the common parameters under its own.
  /// Throws AuthenticationError for one of missing_keys: its key is no other
  /// one.
  ProviderConfig provider(std::string_view provider) const;

  /// "default" is the default model, an alias what it stands for; any other
  /// text stays as it is. Throws InvalidRequestError for "default" without one.
  std::string resolve_model(std::string_view model) const;
};

/// Looks a variable of the environment up; null where there is none.
using Environment = const char* (*)(const char* name);

/// Throws InvalidRequestError naming `where` and the key for a mistake, an
/// unknown key (with the nearest that is known) and a wrong type, and
/// InvalidParameterError for a parameter.
Configuration parse_configuration(std::string_view toml, std::string_view where,
                                  Environment environment);

/// An absent file is an empty configuration, unless $ABSTRACTLLM_CONFIG names
/// it. Throws FileProcessingError too.
Configuration read_configuration(const std::filesystem::path& file,
                                 Environment environment);

/// $ABSTRACTLLM_CONFIG, else abstractllm/config.toml in $XDG_CONFIG_HOME, else
/// in ~/.config.
std::filesystem::path configuration_file(Environment environment);

}  // namespace abstractllm::config
