// Names of models, compared without what copies add to them.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_base.h"

#include <fmt/format.h>

#include <cctype>
#include <string>
#include <vector>

#include "base/log.h"

namespace abstractllm::io {
namespace {

// Shorter ones are in every other name.
constexpr std::size_t kShortestName = 4;

// Letters and digits of each part of a path, in lower case. Folders of the
// hub's cache have two dashes for a slash.
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool dashes = c == '-' && i + 1 < name.size() && name[i + 1] == '-';
    if (c == '/' || c == '\\' || dashes) {
      if (!parts.back().empty()) parts.emplace_back();
    } else if (std::isalnum(c) != 0) {
      parts.back() += static_cast<char>(std::tolower(c));
    }
  }
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

}  // namespace

bool names_another_model(std::string_view base, std::string_view model) {
  const std::vector<std::string> wanted = parts_of(base);
  const std::vector<std::string> given = parts_of(model);
  if (wanted.empty() || given.empty()) return false;
  const std::string& name = wanted.back();
  for (const std::string& part : given) {
    if (part.find(name) != part.npos) return false;
    if (part.size() >= kShortestName && name.find(part) != name.npos) {
      return false;
    }
  }
  return true;
}

void warn_of_other_base(const AdapterFile& adapter, std::string_view model) {
  if (!names_another_model(adapter.base(), model)) return;
  base::log(base::LogLevel::kWarning, "adapter",
            fmt::format("{} was made for '{}', and the model is '{}': answers "
                        "may be useless even if all sizes fit",
                        adapter.path().string(), adapter.base(), model));
}

}  // namespace abstractllm::io
