// The table of built-in providers: a new provider is one row here.
// SPDX-License-Identifier: Apache-2.0
#include "providers/builtin.h"

#include <array>

#include "providers/mlx.h"

namespace abstractllm::providers {

std::span<const BuiltinProvider> builtin_providers() {
  static constexpr std::array kTable{
      BuiltinProvider{"mlx", &make_mlx},
  };
  return kTable;
}

}  // namespace abstractllm::providers
