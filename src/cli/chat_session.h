// The state of a chat: the conversation, and the turns that extend it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "abstractllm/llm.h"
#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/interrupts.h"

namespace abstractllm::cli {

/// One thread at a time. The model must outlive it.
class ChatSession {
 public:
  ChatSession(AbstractLLMInterface& model, Conversation conversation)
      : model_(model), conversation_(std::move(conversation)) {}

  /// Sends `text` after what was said before and shows the answer; both join
  /// the conversation. A turn that fails, or is cancelled before its first
  /// word, leaves no trace; its error is thrown. Older turns that no longer
  /// fit into the context are not sent.
  GenerateResponse ask(std::string text, const AnswerView& view);

  /// Messages at the front that are kept but no longer sent.
  std::size_t unsent() const { return first_sent_; }

  const AbstractLLMInterface& model() const { return model_; }
  const Conversation& conversation() const { return conversation_; }
  void set_system(std::optional<std::string> text) {
    conversation_.system = std::move(text);
  }
  void set_parameters(GenerationParameters parameters) {
    conversation_.parameters = std::move(parameters);
  }
  /// Forgets the messages; the system prompt and the parameters stay.
  void clear();
  void replace(Conversation conversation);

 private:
  Request request_from(std::size_t first) const;
  void move_window();
  GenerateResponse answer(const AnswerView& view, const CancelToken& cancel);

  AbstractLLMInterface& model_;
  Conversation conversation_;
  std::size_t first_sent_ = 0;
};

}  // namespace abstractllm::cli
