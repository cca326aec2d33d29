// `allm config`: what is set up, and where.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "abstractllm/observe.h"
#include "cli/atomic_file.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/text_input.h"
#include "config/configuration.h"
#include "config/toml_text.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ConfigOptions {
  std::string action;
  std::string key;
  std::string value;
};

std::string file_text(const CliEnvironment& env) {
  return std::filesystem::exists(env.config_file)
             ? read_text_file(env.config_file.string())
             : std::string();
}

void require_place(const CliEnvironment& env) {
  if (!env.config_file.empty()) return;
  throw InvalidRequestError("[config] there is no place for a configuration",
                            "Set ABSTRACTLLM_CONFIG to a file.");
}

int path(const ConfigOptions&, CliEnvironment& env) {
  require_place(env);
  env.out.write(env.config_file.string() + "\n");
  return 0;
}

int show(const ConfigOptions&, CliEnvironment& env) {
  const std::string text = file_text(env);
  config::parse_configuration(text, env.config_file.string(),
                              env.variable);  // says what is wrong with it
  if (text.empty()) {
    report_note(env.err, fmt::format("nothing is set; {} is not there or empty",
                                     env.config_file.string()));
  }
  env.out.write(redact_secrets(text));
  return 0;
}

const Json* value_at(const Json& root, const std::vector<std::string>& keys) {
  const Json* at = &root;
  for (const std::string& key : keys) {
    const auto found = at->find(key);
    if (!at->is_object() || found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

int get(const ConfigOptions& options, CliEnvironment& env) {
  if (options.key.empty()) throw UsageError("'allm config get' needs a KEY");
  const Json root =
      config::parse_toml(file_text(env), env.config_file.string());
  const Json* value = value_at(root, config::split_key(options.key));
  if (value == nullptr) {
    throw InvalidRequestError(
        fmt::format("[config] '{}' is not set", options.key),
        "'allm config show' prints what is.");
  }
  env.out.write(
      (value->is_string() ? value->get<std::string>() : value->dump(2)) + "\n");
  return 0;
}

// A provider that does not exist would make every command fail from here on.
void require_provider(const std::vector<std::string>& keys,
                      const CliEnvironment& env) {
  if (keys.size() < 2 || keys[0] != "providers") return;
  if (env.models.provider_id) env.models.provider_id(keys[1]);
}

// A file that may hold keys is for its owner alone.
void make_private_file(const std::filesystem::path& file) {
  if (file.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
  }
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  if (descriptor >= 0) ::close(descriptor);
}

bool is_toml_value(const std::string& text) {
  try {
    config::parse_toml("value = " + text, "the value");
    return true;
  } catch (const InvalidRequestError&) {
    return false;
  }
}

int set(const ConfigOptions& options, CliEnvironment& env) {
  if (options.key.empty() || options.value.empty()) {
    throw UsageError("'allm config set' needs a KEY and a VALUE");
  }
  require_place(env);
  require_utf8(options.value, "the value");
  const std::string where = env.config_file.string();
  const std::string before = file_text(env);
  const auto keys = config::split_key(options.key);
  require_provider(keys, env);
  const auto changed = [&](const std::string& literal) {
    std::string text = config::set_toml_value(before, keys, literal);
    config::parse_configuration(text, where, env.variable);
    return text;
  };
  // 0.5, true and ["a"] are what they look like, and everything else is a text;
  // so is what looks like a value but cannot be this one.
  std::string after;
  try {
    after = changed(options.value);
  } catch (const InvalidRequestError&) {
    try {
      after = changed(config::toml_string(options.value));
    } catch (const InvalidRequestError&) {
      if (!is_toml_value(options.value)) throw;
      changed(options.value);  // throws what is wrong with the value
    }
  }
  make_private_file(env.config_file);
  write_file_atomically(where, after);
  return 0;
}

struct Action {
  std::string_view name;
  int (*perform)(const ConfigOptions&, CliEnvironment&);
};

constexpr std::array kActions{Action{"show", &show}, Action{"path", &path},
                              Action{"get", &get}, Action{"set", &set}};

}  // namespace

void add_config_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("config", "Show and change the configuration");
  const auto options = std::make_shared<ConfigOptions>();
  std::vector<std::string> names;
  for (const Action& action : kActions) names.emplace_back(action.name);
  command->add_option("ACTION", options->action, "What to do; see below")
      ->required()
      ->check(CLI::IsMember(names).description(""))
      ->type_name("show|path|get|set");
  command
      ->add_option("KEY", options->key,
                   "Such as default_model or providers.openai.base_url")
      ->type_name("KEY");
  command->add_option("VALUE", options->value, "A TOML value, or a text")
      ->type_name("VALUE");
  command->footer(
      "show prints the file with keys and passwords masked, path its name, get "
      "one value; set changes one and leaves the rest of the file, comments "
      "too, as it is. A mistake in the file is an error that names it.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      const auto found = std::find_if(
          kActions.begin(), kActions.end(),
          [&](const Action& each) { return each.name == options->action; });
      return found->perform(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
