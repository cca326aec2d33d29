// One turn of a chat, shown as it comes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "abstractllm/session.h"
#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/interrupts.h"

namespace abstractllm::cli {

/// Sends `message` and shows the answer; Ctrl-C stops it. Tool calls, retries
/// and turns that are no longer sent are said on `notes`. Throws what
/// Session::send throws, and what the outputs throw.
Turn take_turn(Session& session, Message message, const AnswerView& view,
               Output& notes);

/// The part of a session that /save and /load keep.
Conversation conversation_of(const SessionState& state);
SessionState state_of(Conversation conversation);

}  // namespace abstractllm::cli
