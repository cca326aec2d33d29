// Random ids, in the shape that AbstractLLM gives them.
// SPDX-License-Identifier: Apache-2.0
#include "session/call_ids.h"

#include <random>
#include <set>

namespace abstractllm::session {

std::string random_hex(int digits) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::random_device device;
  std::uniform_int_distribution<int> digit(0, 15);
  std::string text;
  for (int i = 0; i < digits; ++i) text += kDigits[digit(device)];
  return text;
}

void complete_call_ids(std::vector<ToolCall>& calls) {
  std::set<std::string> seen;
  for (ToolCall& call : calls) {
    while (call.id.empty() || !seen.insert(call.id).second) {
      call.id = "call_" + random_hex(8);
    }
  }
}

}  // namespace abstractllm::session
