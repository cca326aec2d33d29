// Sessions as JSON, whole and in the pieces that the store keeps.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "abstractllm/session.h"
#include "session/message_json.h"

namespace abstractllm::session {

/// One message with what the session knows of it, on one line.
std::string entry_to_text(const SessionMessage& entry);
SessionMessage entry_from_text(std::string_view text,
                               const MessagePlace& place);

/// All of `state` but its messages, on one line.
std::string header_to_text(const SessionState& state);
/// Throws InvalidRequestError.
SessionState header_from_text(std::string_view text, std::string_view where);

}  // namespace abstractllm::session
