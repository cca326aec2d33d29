// The MODEL argument, the engine's options, and the model that they open.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace abstractllm::cli {

/// What the user said of the model. `config.model` is the MODEL argument as
/// typed until open_model divides it.
struct ModelOptions {
  ProviderConfig config;
  /// The options of `config` that there are, and how to copy what each says.
  struct Setting {
    const CLI::Option* option;
    std::function<void(const ProviderConfig& from, ProviderConfig& to)> copy;
  };
  std::vector<Setting> settings{};
};

/// Adds the required argument MODEL.
void add_model_argument(CLI::App& app, ModelOptions& options);

/// Adds --threads, --cpu-backend and the other options of local models.
void add_engine_options(CLI::App& app, ModelOptions& options);

/// Adds those of them that decide whether and how a model fits.
void add_fit_options(CLI::App& app, ModelOptions& options);

/// What the configuration says of `provider`, under what the command line says.
ProviderConfig provider_config(const ModelOptions& options,
                               std::string_view provider,
                               const CliEnvironment& environment);

/// Adds --base-url, of remote services.
void add_connection_options(CLI::App& app, ModelOptions& options);

/// "openai/gpt" is a provider and its model if the provider is known; anything
/// else, and what begins with "hf:", is a model of the provider "mlx".
/// "default" and the aliases of the configuration stand for what it says.
struct ModelAddress {
  std::string provider;
  std::string model;
};
ModelAddress model_address(std::string_view text,
                           const CliEnvironment& environment);

/// How `provider` is reached: as the configuration says, under what the command
/// line says in `given`.
ConnectionOptions connection_of(std::string_view provider,
                                const ConnectionOptions& given,
                                const CliEnvironment& environment);

/// What the configuration says of every provider.
ProviderConnections configured_connections(const CliEnvironment& environment);

/// Loads the model, with a progress bar if standard error is a terminal.
/// What the configuration says of the provider lies under what the command line
/// says.
std::shared_ptr<AbstractLLMInterface> open_model(const ModelOptions& options,
                                                 CliEnvironment& environment);

}  // namespace abstractllm::cli
