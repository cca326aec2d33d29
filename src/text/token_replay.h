// Prompts that repeat, token for token, what a model said before.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"

namespace abstractllm::text {

/// What a model's files make of messages and texts.
struct PromptCoder {
  /// A conversation as the text of a prompt.
  std::function<std::string(const std::vector<Message>&)> render;
  /// The ids of a whole prompt; `at_start`: what begins one may be added.
  std::function<std::vector<std::int32_t>(std::string_view text, bool at_start)>
      encode;
  /// Special tokens spelled out.
  std::function<std::string(const std::vector<std::int32_t>& ids)> decode;
};

/// Ids of the prompt of `messages`. Where an answer carries the ids that the
/// model emitted for it (Message::token_ids) and the template writes that
/// answer as it was, they stand in the place of those that its text would be
/// encoded to: a model does not always write the shortest tokens, and a cache
/// holds what it wrote. In and beside calls whose arguments are written as JSON
/// there may be other white space than the template gives them. In all other
/// cases the ids are those of the text. Linear in the prompt's length.
std::vector<std::int32_t> encode_with_replay(
    const std::vector<Message>& messages, const PromptCoder& coder);

}  // namespace abstractllm::text
