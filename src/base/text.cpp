// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <nlohmann/json.hpp>

namespace abstractllm::base {

bool is_json(std::string_view text) {
  return text.find('\0') == std::string_view::npos &&
         nlohmann::json::accept(text);
}

}  // namespace abstractllm::base
