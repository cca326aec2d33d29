// Provider id -> factory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/factory.h"
#include "providers/builtin.h"

namespace abstractllm::providers {

/// Thread-safe. The functions of factory.h work on the one that `global`
/// returns; tests make their own.
class ProviderRegistry {
 public:
  explicit ProviderRegistry(std::span<const BuiltinProvider> builtins);

  /// The process's registry, holding the built-in table at first.
  static ProviderRegistry& global();

  /// `id`: lower-case letters, digits, '-' and '_'. Throws InvalidRequestError
  /// for any other id, an empty factory, and an id or alias that is taken.
  void add(std::string id, ProviderFactory factory);

  /// As abstractllm::create_llm. The factory runs outside the lock.
  std::unique_ptr<AbstractLLMInterface> create(std::string_view provider,
                                               ProviderConfig config) const;

  /// Without the aliases, sorted.
  std::vector<std::string> ids() const;

  /// With the aliases, sorted.
  std::vector<std::string> names() const;

  /// As the functions of factory.h.
  std::vector<ProviderInfo> info(const ProviderConnections& connections) const;
  std::vector<ModelEntry> list_models(std::string_view provider,
                                      const ConnectionOptions& options) const;
  void pull_model(std::string_view provider, std::string_view model,
                  const ConnectionOptions& options,
                  const std::function<bool(const PullProgress&)>& report) const;

  /// The id behind an id or alias. Throws UnsupportedProviderError.
  std::string resolve(std::string_view id_or_alias) const;

 private:
  /// What is known of one provider; a row of the table, or the application's.
  struct Row {
    BuiltinProvider provider;
    bool is_builtin = false;
  };
  void add_row(std::string id, Row row);
  BuiltinProvider find(std::string_view id) const;

  mutable std::mutex mutex_;
  std::map<std::string, Row, std::less<>> rows_;             // mutex_
  std::map<std::string, std::string, std::less<>> aliases_;  // mutex_
};

}  // namespace abstractllm::providers
