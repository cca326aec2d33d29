// Lookup of providers by id, and the public factory functions over it.
// SPDX-License-Identifier: Apache-2.0
#include "providers/registry.h"

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"

namespace abstractllm {
namespace providers {
namespace {

bool is_valid_id(std::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace

ProviderRegistry::ProviderRegistry(std::span<const BuiltinProvider> builtins) {
  for (const BuiltinProvider& row : builtins) {
    add_row(std::string(row.id), {row, true});
  }
}

ProviderRegistry& ProviderRegistry::global() {
  static ProviderRegistry registry(builtin_providers());
  return registry;
}

void ProviderRegistry::add(std::string id, ProviderFactory factory) {
  if (!is_valid_id(id)) {
    throw InvalidRequestError(
        "[providers] '" + id + "' cannot be a provider id",
        "Use lower-case letters, digits, '-' and '_'.");
  }
  if (!factory) {
    throw InvalidRequestError(
        "[providers] provider '" + id + "' was registered without a factory",
        "Pass a function that makes the provider.");
  }
  BuiltinProvider provider;
  provider.make = std::move(factory);
  add_row(std::move(id), {std::move(provider), false});
}

void ProviderRegistry::add_row(std::string id, Row row) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names{id};
  for (const std::string_view alias : row.provider.aliases) {
    names.emplace_back(alias);
  }
  for (const std::string& name : names) {
    if (!rows_.contains(name) && !aliases_.contains(name)) continue;
    throw InvalidRequestError(
        "[providers] provider '" + name + "' is registered already",
        "Register it under another id.");
  }
  for (std::size_t i = 1; i < names.size(); ++i) aliases_[names[i]] = id;
  rows_.emplace(std::move(id), std::move(row));
}

BuiltinProvider ProviderRegistry::find(std::string_view id) const {
  const std::string resolved = resolve(id);
  const std::lock_guard lock(mutex_);
  return rows_.find(resolved)->second.provider;
}

std::string ProviderRegistry::resolve(std::string_view id) const {
  {
    const std::lock_guard lock(mutex_);
    if (rows_.contains(id)) return std::string(id);
    const auto alias = aliases_.find(id);
    if (alias != aliases_.end()) return alias->second;
  }
  const std::vector<std::string> known = ids();
  const std::vector<std::string_view> names(known.begin(), known.end());
  const std::string_view nearest = base::nearest_name(id, names);
  std::string hint;
  if (!nearest.empty()) hint = "Did you mean " + std::string(nearest) + "? ";
  throw UnsupportedProviderError(
      "[providers] unknown provider '" + std::string(id) + "'",
      hint + "Known providers: " + base::join_names(names) + ".");
}

std::unique_ptr<AbstractLLMInterface> ProviderRegistry::create(
    std::string_view provider, ProviderConfig config) const {
  const std::size_t slash = provider.find('/');
  if (slash != std::string_view::npos) {
    if (!config.model.empty()) {
      throw InvalidRequestError("[providers] the model is given twice: in '" +
                                    std::string(provider) + "' and as '" +
                                    config.model + "'",
                                "Write it in one of the two places.");
    }
    config.model = provider.substr(slash + 1);
    provider = provider.substr(0, slash);
    if (config.model.empty()) {
      throw InvalidRequestError(
          "[providers] no model behind '" + std::string(provider) + "/'",
          "Write provider/model.");
    }
  }
  const ProviderFactory factory = find(provider).make;
  validate(config.parameters);
  std::unique_ptr<AbstractLLMInterface> llm = factory(std::move(config));
  if (!llm) {
    throw InternalError("[providers] the factory of '" + std::string(provider) +
                            "' made nothing",
                        {}, std::string(provider));
  }
  return llm;
}

std::vector<std::string> ProviderRegistry::ids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> list;
  for (const auto& [id, row] : rows_) list.push_back(id);
  return list;
}

std::vector<std::string> ProviderRegistry::names() const {
  std::vector<std::string> list = ids();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [alias, id] : aliases_) list.push_back(alias);
  }
  std::sort(list.begin(), list.end());
  return list;
}

std::vector<ProviderInfo> ProviderRegistry::info(
    const ProviderConnections& connections) const {
  std::map<std::string, Row, std::less<>> rows;
  {
    const std::lock_guard lock(mutex_);
    rows = rows_;
  }
  // Outside of the lock: servers are asked.
  std::vector<ProviderInfo> list;
  for (const auto& [id, row] : rows) {
    if (row.provider.info) {
      const auto own = connections.find(id);
      list.push_back(row.provider.info(
          own == connections.end() ? ConnectionOptions{} : own->second));
      continue;
    }
    list.push_back(
        {.id = id,
         .detail = row.is_builtin ? "" : "registered by the program"});
  }
  return list;
}

namespace {

[[noreturn]] void refuse_operation(const std::string& id,
                                   std::string_view operation) {
  throw UnsupportedOperationError(
      "[providers] provider '" + id + "' cannot " + std::string(operation), {},
      id);
}

}  // namespace

std::vector<ModelEntry> ProviderRegistry::list_models(
    std::string_view provider, const ConnectionOptions& options) const {
  const BuiltinProvider row = find(provider);
  if (!row.list) refuse_operation(resolve(provider), "list its models");
  return row.list(options);
}

void ProviderRegistry::pull_model(
    std::string_view provider, std::string_view model,
    const ConnectionOptions& options,
    const std::function<bool(const PullProgress&)>& report) const {
  const BuiltinProvider row = find(provider);
  if (!row.pull) refuse_operation(resolve(provider), "fetch models");
  row.pull(model, options, report);
}

}  // namespace providers

std::unique_ptr<AbstractLLMInterface> create_llm(std::string_view provider,
                                                 ProviderConfig config) {
  return providers::ProviderRegistry::global().create(provider,
                                                      std::move(config));
}

void register_provider(std::string id, ProviderFactory factory) {
  providers::ProviderRegistry::global().add(std::move(id), std::move(factory));
}

std::vector<std::string> list_providers() {
  return providers::ProviderRegistry::global().ids();
}

std::vector<std::string> provider_names() {
  return providers::ProviderRegistry::global().names();
}

std::string provider_id(std::string_view id_or_alias) {
  return providers::ProviderRegistry::global().resolve(id_or_alias);
}

std::vector<ProviderInfo> provider_info(
    const ProviderConnections& connections) {
  return providers::ProviderRegistry::global().info(connections);
}

std::vector<ModelEntry> list_models(std::string_view provider,
                                    const ConnectionOptions& connection) {
  return providers::ProviderRegistry::global().list_models(provider,
                                                           connection);
}

void pull_model(std::string_view provider, std::string_view model,
                const ConnectionOptions& connection,
                const std::function<bool(const PullProgress&)>& report) {
  providers::ProviderRegistry::global().pull_model(provider, model, connection,
                                                   report);
}

}  // namespace abstractllm
