// Which part of a long conversation still fits into the model's context.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "abstractllm/session.h"

namespace abstractllm::session {

/// Index of the first message after `first` at which a turn begins, a message
/// of the user; messages.size() if there is none.
std::size_t next_turn(const std::vector<SessionMessage>& messages,
                      std::size_t first);

struct WindowLimits {
  int context_length = 0;  ///< tokens; 0: unknown, everything is sent
  int answer_tokens = 0;   ///< to leave for the answer; 0: a quarter
};

/// Index of the first message to send, at least `first`. While the prompt
/// leaves room for the answer it stays; else whole turns are left out until
/// half of the context is free, because every change at the front costs a
/// computation of the whole prompt. The last turn is always sent.
/// `count(i)`: tokens of the prompt that begins with message i.
std::size_t first_to_send(const std::vector<SessionMessage>& messages,
                          std::size_t first, const WindowLimits& limits,
                          const std::function<int(std::size_t)>& count);

}  // namespace abstractllm::session
