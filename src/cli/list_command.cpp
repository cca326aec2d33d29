// `allm list`: the models on this machine, or of a provider.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ListOptions {
  std::string provider;
  ConnectionOptions connection;
  bool json = false;
  bool ids = false;
};

std::string as_json(const std::vector<LocalModel>& models) {
  Json list = Json::array();
  for (const LocalModel& model : models) {
    list.push_back({{"id", model.id},
                    {"format", model.format},
                    {"bytes", model.bytes},
                    {"architecture", model.architecture},
                    {"source", model.source},
                    {"path", model.path}});
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", bytes / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", bytes / 1e6);
  return fmt::format("{:.1f} GB", bytes / 1e9);
}

std::string as_table(const std::vector<LocalModel>& models) {
  std::size_t id = 2;
  std::size_t format = 6;
  std::size_t architecture = 12;
  std::size_t source = 6;
  for (const LocalModel& model : models) {
    id = std::max(id, model.id.size());
    format = std::max(format, model.format.size());
    architecture = std::max(architecture, model.architecture.size());
    source = std::max(source, model.source.size());
  }
  std::string table = fmt::format(
      "{:{}}  {:{}}  {:>9}  {:{}}  {:{}}  {}\n", "ID", id, "FORMAT", format,
      "SIZE", "ARCHITECTURE", architecture, "SOURCE", source, "PATH");
  for (const LocalModel& model : models) {
    table +=
        fmt::format("{:{}}  {:{}}  {:>9}  {:{}}  {:{}}  {}\n",
                    one_line(model.id), id, model.format, format,
                    size_text(model.bytes), one_line(model.architecture),
                    architecture, model.source, source, one_line(model.path));
  }
  return table;
}

std::string entries_json(const std::vector<ModelEntry>& models) {
  Json list = Json::array();
  for (const ModelEntry& model : models) {
    Json json{{"id", model.id}};
    if (!model.owner.empty()) json["owner"] = model.owner;
    if (model.bytes > 0) json["bytes"] = model.bytes;
    if (model.context_length > 0) {
      json["context_length"] = model.context_length;
    }
    list.push_back(std::move(json));
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string entries_table(const std::vector<ModelEntry>& models) {
  std::size_t id = 2;
  for (const ModelEntry& model : models) id = std::max(id, model.id.size());
  std::string table = fmt::format("{:{}}  {:>9}  {:>9}  {}\n", "ID", id, "SIZE",
                                  "CONTEXT", "OWNER");
  for (const ModelEntry& model : models) {
    std::string line = fmt::format(
        "{:{}}  {:>9}  {:>9}  {}", one_line(model.id), id,
        model.bytes > 0 ? size_text(model.bytes) : "",
        model.context_length > 0 ? std::to_string(model.context_length) : "",
        one_line(model.owner));
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

int list_of_provider(const ListOptions& options, CliEnvironment& env) {
  const std::vector<ModelEntry> models = env.models.list_of(
      options.provider,
      connection_of(options.provider, options.connection, env));
  if (options.json) {
    env.out.write(entries_json(models));
  } else if (options.ids) {
    for (const ModelEntry& model : models) env.out.write(model.id + "\n");
  } else if (models.empty()) {
    report_note(env.err, fmt::format("{} has no models", options.provider));
  } else {
    env.out.write(entries_table(models));
  }
  return 0;
}

int list(const ListOptions& options, CliEnvironment& env) {
  if (!options.provider.empty()) return list_of_provider(options, env);
  if (!options.connection.base_url.empty()) {
    throw UsageError("--base-url goes with the name of a provider",
                     "As in allm list openai --base-url URL.");
  }
  const std::vector<LocalModel> models = env.models.list();
  if (options.json) {
    env.out.write(as_json(models));
  } else if (options.ids) {
    for (const LocalModel& model : models) env.out.write(model.id + "\n");
  } else if (models.empty()) {
    report_note(env.err,
                "no models on this machine; `make setup` fetches the default "
                "one, `allm pull ORG/NAME` others, and any folder or .gguf "
                "file can be named by its path");
  } else {
    env.out.write(as_table(models));
  }
  return 0;
}

}  // namespace

void add_list_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("list",
                         "List the models on this machine, or of a "
                         "provider");
  const auto options = std::make_shared<ListOptions>();
  command
      ->add_option("PROVIDER", options->provider,
                   "Whose models to list; without it those on this machine")
      ->type_name("PROVIDER");
  command
      ->add_option("--base-url", options->connection.base_url,
                   "Address of the service")
      ->type_name("URL");
  CLI::Option* json =
      command->add_flag("--json", options->json, "Print a JSON list");
  command->add_flag("--ids", options->ids, "Print the ids alone")
      ->excludes(json);
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return list(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
