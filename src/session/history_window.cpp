// How far the front of a conversation moves.
// SPDX-License-Identifier: Apache-2.0
#include "session/history_window.h"

#include <algorithm>

namespace abstractllm::session {

std::size_t next_turn(const std::vector<SessionMessage>& messages,
                      std::size_t first) {
  std::size_t index = std::min(first + 1, messages.size());
  while (index < messages.size() &&
         messages[index].message.role != Role::kUser) {
    ++index;
  }
  return index;
}

std::size_t first_to_send(const std::vector<SessionMessage>& messages,
                          std::size_t first, const WindowLimits& limits,
                          const std::function<int(std::size_t)>& count) {
  if (limits.context_length <= 0) return first;
  const int half = limits.context_length / 2;
  const int wanted = limits.answer_tokens > 0 ? limits.answer_tokens
                                              : limits.context_length / 4;
  if (count(first) <= limits.context_length - std::min(wanted, half)) {
    return first;
  }
  while (true) {
    const std::size_t next = next_turn(messages, first);
    if (next >= messages.size()) return first;
    first = next;
    if (count(first) <= half) return first;
  }
}

}  // namespace abstractllm::session
