// `allm list`: the models on this machine.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ListOptions {
  bool json = false;
  bool ids = false;
};

std::string as_json(const std::vector<LocalModel>& models) {
  Json list = Json::array();
  for (const LocalModel& model : models) {
    list.push_back({{"id", model.id},
                    {"format", model.format},
                    {"bytes", model.bytes},
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
  for (const LocalModel& model : models) {
    id = std::max(id, model.id.size());
    format = std::max(format, model.format.size());
  }
  std::string table = fmt::format("{:{}}  {:{}}  {:>9}  {}\n", "ID", id,
                                  "FORMAT", format, "SIZE", "PATH");
  for (const LocalModel& model : models) {
    table += fmt::format("{:{}}  {:{}}  {:>9}  {}\n", one_line(model.id), id,
                         model.format, format, size_text(model.bytes),
                         one_line(model.path));
  }
  return table;
}

int list(const ListOptions& options, CliEnvironment& env) {
  const std::vector<LocalModel> models = env.models.list();
  if (options.json) {
    env.out.write(as_json(models));
  } else if (options.ids) {
    for (const LocalModel& model : models) env.out.write(model.id + "\n");
  } else if (models.empty()) {
    report_note(env.err,
                "no models on this machine; `make setup` fetches the default "
                "one, and any folder or .gguf file can be named by its path");
  } else {
    env.out.write(as_table(models));
  }
  return 0;
}

}  // namespace

void add_list_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("list", "List the models on this machine");
  const auto options = std::make_shared<ListOptions>();
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
