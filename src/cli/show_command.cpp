// `allm show`: what a model's files say of it.
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/model_options.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ShowOptions {
  ModelOptions model;
  bool json = false;
};

std::string as_json(const ModelDescription& description) {
  Json json = Json::object();
  for (const auto& [key, value] : description) json[key] = value;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Keys in one column, values in the next; a value's further lines below its
// first.
std::string as_text(const ModelDescription& description) {
  std::size_t width = 0;
  for (const auto& [key, value] : description) {
    width = std::max(width, key.size());
  }
  std::string text;
  for (const auto& [key, value] : description) {
    text += key + std::string(width - key.size() + 2, ' ');
    for (const char character : value) {
      text += character;
      if (character == '\n') text += std::string(width + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

int show(const ShowOptions& options, CliEnvironment& env) {
  const ModelAddress address = model_address(options.model.config.model, env);
  // Other providers have no files to look at: they describe themselves.
  const ModelDescription description =
      address.provider == "mlx" ? env.models.describe(address.model)
                                : open_model(options.model, env)->describe();
  env.out.write(options.json ? as_json(description) : as_text(description));
  return 0;
}

}  // namespace

void add_show_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "show", "Say what a model is, without loading its weights");
  const auto options = std::make_shared<ShowOptions>();
  add_model_argument(*command, options->model);
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return show(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
