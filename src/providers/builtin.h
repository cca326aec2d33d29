// The providers that come with the library.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "abstractllm/factory.h"

namespace abstractllm::providers {

/// One row of the table. An empty function: the provider cannot do it.
struct BuiltinProvider {
  std::string_view id;
  ProviderFactory make;
  std::vector<std::string_view> aliases{};
  std::function<ProviderInfo(const ConnectionOptions&)> info{};
  std::function<std::vector<ModelEntry>(const ConnectionOptions&)> list{};
  std::function<void(std::string_view model, const ConnectionOptions&,
                     const std::function<bool(const PullProgress&)>&)>
      pull{};
};

/// As abstractllm::pull_model for "mlx".
void pull_from_hub(std::string_view model, const ConnectionOptions& connection,
                   const std::function<bool(const PullProgress&)>& report);

/// The one table of them.
std::span<const BuiltinProvider> builtin_providers();

}  // namespace abstractllm::providers
