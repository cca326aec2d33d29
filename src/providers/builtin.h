// The providers that come with the library.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "abstractllm/factory.h"

namespace abstractllm::providers {

struct BuiltinProvider {
  std::string_view id;
  std::unique_ptr<AbstractLLMInterface> (*make)(ProviderConfig);
};

/// The one table of them.
std::span<const BuiltinProvider> builtin_providers();

}  // namespace abstractllm::providers
