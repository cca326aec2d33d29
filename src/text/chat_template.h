// A model's chat template: from a conversation to a prompt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"

namespace abstractllm::text {

/// What a template is applied to. JSON travels as text.
struct ChatTemplateInput {
  /// Array of messages as OpenAI's chat API has them; see messages_to_json.
  std::string messages = "[]";
  /// Array of tools, likewise; absent: the template sees none.
  std::optional<std::string> tools;
  /// Let the text end where the assistant's answer begins.
  bool add_generation_prompt = true;
  /// Object of further variables (`enable_thinking`); they win over special
  /// tokens of the same name.
  std::string variables = "{}";
  /// What `strftime_now` in the template sees.
  std::chrono::local_seconds now{};
};

/// A Jinja template in the environment that transformers gives it. Immutable;
/// thread-safe; cheap to copy.
class ChatTemplate {
 public:
  /// Names of special tokens (`bos_token`) and their text, which the template
  /// sees as variables.
  using SpecialTokens = std::map<std::string, std::string>;

  /// Throws ModelLoadingError with the line of a syntax error.
  explicit ChatTemplate(std::string_view source, SpecialTokens tokens = {});

  /// Throws InvalidRequestError if the template refuses the conversation (with
  /// its own words), fails on it (naming the line), or does more work than a
  /// prompt can need; and if `input` is not the JSON that it should be.
  std::string render(const ChatTemplateInput& input) const;

  const std::string& source() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// The time of this machine's clock in its time zone.
std::chrono::local_seconds local_now();

/// What a template expects other than usual.
struct MessageShape {
  bool arguments_as_text = false;  ///< of tool calls, rather than an object
  bool short_call_ids = false;     ///< nine letters and digits
  bool content_as_parts = false;   ///< a list also where there is only text
  bool names_thinking = false;     ///< `thinking` beside `reasoning_content`
  bool operator==(const MessageShape&) const = default;
};

/// `messages` as the JSON array that templates expect: `content` is the text;
/// where there are images, a list of {"type": "text"} and {"type": "image"}
/// parts. Tool calls carry their arguments as an object, {"_raw": text} if they
/// are none; reasoning goes to `reasoning_content`, and each ToolResult becomes
/// a message of its own. Throws InvalidRequestError for text that is no UTF-8.
std::string messages_to_json(const std::vector<Message>& messages,
                             const MessageShape& shape = {});

/// Nine letters and digits that stand for `id`: itself if it is that already.
std::string short_call_id(std::string_view id);

/// `tools` as the JSON array of functions that templates expect; nothing if
/// there are none. Throws InvalidRequestError if a schema is not JSON.
std::optional<std::string> tools_to_json(
    const std::vector<ToolDefinition>& tools);

}  // namespace abstractllm::text
