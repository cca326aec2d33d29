// A conversation as a JSON file, in the shape that OpenAI's API made common.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"
#include "abstractllm/parameters.h"

namespace abstractllm::cli {

/// What a chat is about to say and has said. A plain value.
struct Conversation {
  std::optional<std::string> system;
  std::vector<Message> messages;  ///< without the system message
  GenerationParameters parameters;
  bool operator==(const Conversation&) const = default;
};

/// Reads a list of messages, or an object with "messages" and, optionally,
/// "parameters". A first message of the role system becomes `system`. Contents
/// are text or lists of text and image parts (data: URL or path); tool calls
/// and tool results are understood. `where` is what errors call the text.
/// Throws InvalidRequestError and InvalidParameterError.
Conversation parse_conversation(std::string_view json, std::string_view where);

/// The inverse, as an object, ending in a line break. `model` is for the
/// reader's information.
std::string conversation_json(const Conversation& conversation,
                              std::string_view model);

}  // namespace abstractllm::cli
