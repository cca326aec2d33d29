// `allm providers`: who can be asked, and what is missing.
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

std::string capabilities_text(const ProviderInfo& info) {
  std::string text;
  for (const ModelCapability capability : info.capabilities) {
    if (!text.empty()) text += ", ";
    text += to_string(capability);
  }
  return text;
}

std::string as_json(const std::vector<ProviderInfo>& providers) {
  Json list = Json::array();
  for (const ProviderInfo& info : providers) {
    Json capabilities = Json::array();
    for (const ModelCapability capability : info.capabilities) {
      capabilities.push_back(to_string(capability));
    }
    list.push_back({{"id", info.id},
                    {"aliases", info.aliases},
                    {"state", to_string(info.state)},
                    {"detail", info.detail},
                    {"capabilities", std::move(capabilities)}});
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_table(const std::vector<ProviderInfo>& providers,
                     bool with_capabilities) {
  std::size_t id = 8;
  std::size_t state = 5;
  for (const ProviderInfo& info : providers) {
    id = std::max(id, info.id.size());
    state = std::max(state, to_string(info.state).size());
  }
  std::string table = fmt::format("{:{}}  {:{}}  {}\n", "PROVIDER", id, "STATE",
                                  state, "DETAIL");
  for (const ProviderInfo& info : providers) {
    table += fmt::format("{:{}}  {:{}}  {}\n", info.id, id,
                         to_string(info.state), state, one_line(info.detail));
    if (!with_capabilities) continue;
    if (!info.capabilities.empty()) {
      table += fmt::format("{:{}}  can: {}\n", "", id, capabilities_text(info));
    }
    if (!info.aliases.empty()) {
      table += fmt::format("{:{}}  also: {}\n", "", id,
                           fmt::join(info.aliases, ", "));
    }
  }
  return table;
}

}  // namespace

void add_providers_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "providers", "Show who can be asked, and what is missing");
  const auto json = std::make_shared<bool>(false);
  const auto verbose = std::make_shared<bool>(false);
  CLI::Option* json_flag =
      command->add_flag("--json", *json, "Print a JSON list");
  command
      ->add_flag("--verbose", *verbose, "Show capabilities and other names too")
      ->excludes(json_flag);
  command->callback([json, verbose, &invocation] {
    invocation.run = [json, verbose, &invocation] {
      CliEnvironment& env = invocation.environment;
      const std::vector<ProviderInfo> providers =
          env.models.provider_info(configured_connections(env));
      env.out.write(*json ? as_json(providers) : as_table(providers, *verbose));
      return 0;
    };
  });
}

}  // namespace abstractllm::cli
