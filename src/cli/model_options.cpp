// From the words of a command line to a loaded model.
// SPDX-License-Identifier: Apache-2.0
#include "cli/model_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <utility>

#include "abstractllm/error.h"
#include "abstractllm/observe.h"
#include "base/nearest_names.h"
#include "cli/progress_bar.h"
#include "config/configuration.h"

namespace abstractllm::cli {

void add_model_argument(CLI::App& app, ModelOptions& options) {
  app.add_option("MODEL", options.config.model,
                 "Model id, folder or .gguf file; or PROVIDER/MODEL")
      ->required()
      ->type_name("MODEL");
}

namespace {

std::function<void(const ProviderConfig&, ProviderConfig&)> copy_of(
    auto ProviderConfig::*member) {
  return [member](const ProviderConfig& from, ProviderConfig& to) {
    to.*member = from.*member;
  };
}

// Adds options of ProviderConfig's members and remembers them.
class OptionAdder {
 public:
  OptionAdder(CLI::App& app, ModelOptions& options)
      : app_(app), options_(options) {}

  CLI::Option* add(const char* name, auto ProviderConfig::*member,
                   const char* type, const char* text) {
    CLI::Option* option = app_.add_option(name, options_.config.*member, text)
                              ->type_name(type)
                              ->group("Local models");
    options_.settings.push_back({option, copy_of(member)});
    return option;
  }

  void add_flag(const char* name, bool ProviderConfig::*member,
                const char* text) {
    options_.settings.push_back(
        {app_.add_flag(name, options_.config.*member, text)
             ->group("Local models"),
         copy_of(member)});
  }

 private:
  CLI::App& app_;
  ModelOptions& options_;
};

CLI::Validator count() { return CLI::Range(0, 1 << 30).description(""); }

}  // namespace

void add_fit_options(CLI::App& app, ModelOptions& options) {
  OptionAdder adder(app, options);
  adder
      .add("--device", &ProviderConfig::device, "auto|cpu|cuda|metal",
           "Where the model runs (auto)")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "metal"}).description(""));
  adder
      .add("--cpu-backend", &ProviderConfig::cpu_backend, "fast|reference",
           "Kernels on the CPU: our own, or stock MLX in float32 (fast)")
      ->check(CLI::IsMember({"fast", "reference"}).description(""));
  adder
      .add("--cpu-precision", &ProviderConfig::cpu_precision, "PRECISION",
           "What quantised weights meet on the CPU: int8, int8-pair, exact, or "
           "auto, by the model's size (auto)")
      ->check(CLI::IsMember({"auto", "int8", "int8-pair", "exact"})
                  .description(""));
  adder.add_flag("--cpu-exact", &ProviderConfig::cpu_exact,
                 "The same as --cpu-precision exact");
  adder
      .add("--kv-type", &ProviderConfig::kv_cache_type, "TYPE",
           "Keys and values in the CPU kernels: f32, f16, bf16, int8 or auto "
           "(auto)")
      ->check(CLI::IsMember({"auto", "f32", "f16", "bf16", "int8"})
                  .description(""));
  adder
      .add("--context-length", &ProviderConfig::context_length, "N",
           "Tokens of context to provide for; 0 takes the model's own (0)")
      ->check(count());
}

void add_engine_options(CLI::App& app, ModelOptions& options) {
  add_fit_options(app, options);
  OptionAdder adder(app, options);
  adder
      .add("--threads", &ProviderConfig::threads, "N",
           "Worker threads; 0 takes what the process may use (0)")
      ->check(count());
  adder.add("--max-pixels", &ProviderConfig::max_pixels, "N",
            "Pixels of an image that the model may see; 0 takes what its files "
            "say (0)");
  adder
      .add("--prefill-chunk", &ProviderConfig::prefill_chunk, "N",
           "Prompt tokens computed at a time; 0 lets the engine choose (0)")
      ->check(count());
  adder
      .add("--parallel-sequences", &ProviderConfig::parallel_sequences, "N",
           "Requests computed together; 0 lets the engine choose (0)")
      ->check(count());
  adder
      .add("--max-queued-requests", &ProviderConfig::max_queued_requests, "N",
           "Requests that may wait beside them; 0 lets the engine choose (0)")
      ->check(count());
  adder
      .add("--kv-cache-bytes", &ProviderConfig::kv_cache_bytes, "SIZE",
           "Memory for keys and values, as 800MB or 2GB; 0 takes half of what "
           "is free (0)")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true).description(""))
      // A negative number has become a very large one.
      ->check(
          CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62).description(""));
  adder.add("--adapter", &ProviderConfig::adapter, "DIR",
            "Adapter (LoRA, DoRA) of mlx-lm or PEFT that changes the model; or "
            "the name of one in the configuration");
  adder.add_flag("--fuse-adapter", &ProviderConfig::fuse_adapter,
                 "Put the adapter into the weights while they load");
  adder.add("--preset", &ProviderConfig::preset, "NAME",
            "Parameters that the model's family has under this name, such as "
            "steady; 'allm show MODEL' lists them");
}

void add_connection_options(CLI::App& app, ModelOptions& options) {
  app.add_option("--base-url", options.config.connection.base_url,
                 "Address of the service, as in http://host:8000/v1 (the "
                 "provider's environment variable, else its own)")
      ->type_name("URL")
      ->group("Remote services");
}

namespace {

// Aliases become ids, so that each provider has one place.
std::string id_of(const std::string& provider,
                  const CliEnvironment& environment) {
  const auto& resolve = environment.models.provider_id;
  return resolve ? resolve(provider) : provider;
}

config::Configuration configuration_of(const CliEnvironment& environment) {
  config::Configuration configuration =
      config::read_configuration(environment.config_file, environment.variable);
  decltype(configuration.providers) by_id;
  for (auto& [name, config] : configuration.providers) {
    const std::string where = "[config] " + environment.config_file.string() +
                              ": [providers." + name + "]";
    std::string id;
    try {
      id = id_of(name, environment);
    } catch (const UnsupportedProviderError& error) {
      throw UnsupportedProviderError(where + ": there is no such provider",
                                     error.hint());
    }
    if (auto key = configuration.missing_keys.extract(name)) {
      key.key() = id;
      configuration.missing_keys.insert(std::move(key));
    }
    if (!by_id.emplace(id, std::move(config)).second) {
      throw InvalidRequestError(
          where + " is the provider " + id + ", which has a table already",
          "Put both into one.");
    }
  }
  configuration.providers = std::move(by_id);
  return configuration;
}

ModelAddress divided(const std::string& text,
                     const CliEnvironment& environment) {
  const std::size_t slash = text.find('/');
  if (text.starts_with("hf:")) return {"mlx", text};
  if (slash != std::string::npos) {
    const auto known = environment.models.providers();
    const std::string first(text.substr(0, slash));
    if (std::find(known.begin(), known.end(), first) != known.end()) {
      return {id_of(first, environment), text.substr(slash + 1)};
    }
  }
  return {"mlx", text};
}

// A model of this machine that is not there may be one of a provider that was
// misspelt.
[[noreturn]] void throw_not_found(const ModelNotFoundError& error,
                                  const ModelAddress& address,
                                  const CliEnvironment& environment) {
  const std::size_t slash = address.model.find('/');
  std::string hint = error.hint();
  if (address.provider == "mlx" && slash != std::string::npos) {
    const std::vector<std::string> known = environment.models.providers();
    const std::vector<std::string_view> names(known.begin(), known.end());
    const std::string_view nearest =
        base::nearest_name(address.model.substr(0, slash), names);
    if (!nearest.empty()) {
      hint = "Did you mean " + std::string(nearest) +
             address.model.substr(slash) + "? " + hint;
    }
  }
  Error found(error.code(), error.message(), hint, error.provider());
  found.set_service(error.service());
  throw_error(found);
}

// What the command line says lies over the configuration, also where it says
// what is the default.
ProviderConfig merged(const ModelOptions& options, ProviderConfig configured) {
  for (const ModelOptions::Setting& setting : options.settings) {
    if (setting.option->count() > 0) setting.copy(options.config, configured);
  }
  if (!options.config.connection.base_url.empty()) {
    configured.connection.base_url = options.config.connection.base_url;
  }
  return configured;
}

}  // namespace

ProviderConfig provider_config(const ModelOptions& options,
                               std::string_view provider,
                               const CliEnvironment& environment) {
  const std::string id = id_of(std::string(provider), environment);
  return merged(options, configuration_of(environment).provider(id));
}

ModelAddress model_address(std::string_view text,
                           const CliEnvironment& environment) {
  return divided(configuration_of(environment).resolve_model(text),
                 environment);
}

ConnectionOptions connection_of(std::string_view provider,
                                const ConnectionOptions& given,
                                const CliEnvironment& environment) {
  const std::string id = id_of(std::string(provider), environment);
  ConnectionOptions connection =
      configuration_of(environment).provider(id).connection;
  if (!given.base_url.empty()) connection.base_url = given.base_url;
  return connection;
}

ProviderConnections configured_connections(const CliEnvironment& environment) {
  ProviderConnections connections;
  const config::Configuration configuration = configuration_of(environment);
  for (const auto& [id, config] : configuration.providers) {
    // Without its own key it must not be asked with another one.
    if (configuration.missing_keys.contains(id)) continue;
    connections.emplace(id, config.connection);
  }
  return connections;
}

std::shared_ptr<AbstractLLMInterface> open_model(const ModelOptions& options,
                                                 CliEnvironment& environment) {
  const config::Configuration configuration = configuration_of(environment);
  const ModelAddress address =
      divided(configuration.resolve_model(options.config.model), environment);
  ProviderConfig config =
      merged(options, configuration.provider(address.provider));
  config.model = address.model;
  std::shared_ptr<ProgressBar> bar;
  // Shown when the first report comes; services load nothing and report none.
  if (environment.err_is_terminal) {
    bar = std::make_shared<ProgressBar>(environment.err,
                                        "loading " + address.model,
                                        environment.columns, environment.color);
    // The provider may keep its configuration longer than the bar lives.
    config.on_load_progress = [shown = std::weak_ptr(bar)](double share) {
      if (const auto alive = shown.lock()) alive->update(share);
    };
  }
  std::shared_ptr<AbstractLLMInterface> model;
  try {
    model = environment.models.open(address.provider, std::move(config));
  } catch (const ModelNotFoundError& error) {
    throw_not_found(error, address, environment);
  }
  if (configuration.trace_file.empty()) return model;
  Observer trace = trace_to_file(configuration.trace_file, *model,
                                 {.texts = configuration.trace_texts});
  return observe(std::move(model), std::move(trace));
}

}  // namespace abstractllm::cli
