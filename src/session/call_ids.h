// Ids for sessions, and for tool calls whose model gave none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "abstractllm/message.h"

namespace abstractllm::session {

/// `digits` random hexadecimal digits.
std::string random_hex(int digits);

/// Gives "call_" and 8 hexadecimal digits to each call of one answer that has
/// no id, or that of a call before it.
void complete_call_ids(std::vector<ToolCall>& calls);

}  // namespace abstractllm::session
