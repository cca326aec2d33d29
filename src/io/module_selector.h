// Modules as the configs of quantisers name them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/name_pattern.h"

namespace abstractllm::io {

/// Some modules of a model, for what a config alone has to say; what is stored
/// tells by itself. Immutable; thread-safe.
class ModuleSelector {
 public:
  /// A whole name or the first or last parts of one ("lm_head"), "re:" with a
  /// pattern as begins() takes it, or a name with "*" for any letters. A
  /// pattern that NamePattern does not understand selects nothing.
  explicit ModuleSelector(std::string_view text);

  /// Names whose beginning fits the regular expression, as re.match of Python
  /// takes it.
  static ModuleSelector begins(std::string_view pattern);

  bool selects(std::string_view module) const;

 private:
  ModuleSelector() = default;

  std::string name_;  // empty: a pattern
  std::optional<NamePattern> pattern_;
};

}  // namespace abstractllm::io
