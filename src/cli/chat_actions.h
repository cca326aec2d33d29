// The commands of a chat that begin with a slash.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "abstractllm/session.h"

namespace abstractllm::cli {

/// What a line asked for, besides an answer.
struct ActionResult {
  std::string message;  ///< to show; ends in a line break unless empty
  bool leave = false;
  std::optional<ImagePart> image{};  ///< to send with the next message
};

/// Does what `line` asks if it is a command (`/set top_k 5`); nothing if it is
/// text for the model. "//x" is the text "/x". Throws InvalidRequestError for
/// an unknown command, naming the nearest, and what the command throws; the
/// session is unchanged then.
std::optional<ActionResult> run_chat_action(std::string_view line,
                                            Session& session);

}  // namespace abstractllm::cli
