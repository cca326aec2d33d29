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
  /// for any other id, an empty factory and an id that is taken.
  void add(std::string id, ProviderFactory factory);

  /// As abstractllm::create_llm. The factory runs outside the lock.
  std::unique_ptr<AbstractLLMInterface> create(std::string_view provider,
                                               ProviderConfig config) const;

  std::vector<std::string> ids() const;

 private:
  ProviderFactory find(std::string_view id) const;

  mutable std::mutex mutex_;
  std::map<std::string, ProviderFactory, std::less<>> factories_;  // mutex_
};

}  // namespace abstractllm::providers
