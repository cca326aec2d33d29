// One request to a language model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/message.h"
#include "abstractllm/parameters.h"

namespace abstractllm {

/// What to answer, and how. Exactly one of `messages`, `prompt` and
/// `prompt_token_ids` is given.
struct Request {
  /// A conversation, rendered through the model's chat template.
  std::vector<Message> messages{};
  /// Put before `messages` as the system message; an error if they have one.
  std::optional<std::string> system_prompt{};
  /// Text continued as it stands, without a template; the tokenizer adds its
  /// beginning token if the model has one.
  std::optional<std::string> prompt{};
  /// Token ids continued as they stand; local models only.
  std::optional<std::vector<std::int32_t>> prompt_token_ids{};
  /// Functions that the model may call.
  std::vector<ToolDefinition> tools{};
  /// Extra variables of the chat template, as a JSON object in text.
  std::string template_variables = "{}";
  GenerationParameters parameters{};
  CancelToken cancel{};
};

}  // namespace abstractllm
