// The chat template of a model that has none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace abstractllm::families {

/// Jinja text that writes each message behind its role's name, a system text
/// first, and ends with the assistant's name.
std::string_view plain_chat_template() noexcept;

}  // namespace abstractllm::families
