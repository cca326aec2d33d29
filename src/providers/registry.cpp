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
    add(std::string(row.id), row.make);
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
  const std::lock_guard lock(mutex_);
  const auto [row, added] = factories_.try_emplace(id, std::move(factory));
  if (!added) {
    throw InvalidRequestError(
        "[providers] provider '" + row->first + "' is registered already",
        "Register it under another id.");
  }
}

ProviderFactory ProviderRegistry::find(std::string_view id) const {
  {
    const std::lock_guard lock(mutex_);
    const auto row = factories_.find(id);
    if (row != factories_.end()) return row->second;
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
  const ProviderFactory factory = find(provider);
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
  for (const auto& [id, factory] : factories_) list.push_back(id);
  return list;
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

}  // namespace abstractllm
