// One turn of a chat, and what it leaves behind.
// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_session.h"

#include <utility>

#include "abstractllm/error.h"
#include "cli/history_window.h"

namespace abstractllm::cli {

Request ChatSession::request_from(std::size_t first) const {
  Request request;
  request.system_prompt = conversation_.system;
  const auto& messages = conversation_.messages;
  request.messages.assign(messages.begin() + static_cast<std::ptrdiff_t>(first),
                          messages.end());
  request.parameters = conversation_.parameters;
  return request;
}

void ChatSession::move_window() {
  const Capabilities can = model_.capabilities();
  if (!can.supports(ModelCapability::kTokenize)) return;
  const WindowLimits limits{can.context_length,
                            conversation_.parameters.max_tokens.value_or(0)};
  first_sent_ = first_to_send(conversation_.messages, first_sent_, limits,
                              [this](std::size_t first) {
                                return model_.count_tokens(request_from(first));
                              });
}

GenerateResponse ChatSession::answer(const AnswerView& view,
                                     const CancelToken& cancel) {
  while (true) {
    Request request = request_from(first_sent_);
    request.cancel = cancel;
    try {
      return show_answer(model_, request, view);
    } catch (const ContextWindowExceededError&) {
      // A provider that cannot count its tokens says so only here.
      const std::size_t next = next_turn(conversation_.messages, first_sent_);
      if (next >= conversation_.messages.size()) throw;
      first_sent_ = next;
    }
  }
}

GenerateResponse ChatSession::ask(std::string text, const AnswerView& view) {
  const std::size_t before = conversation_.messages.size();
  const std::size_t window_before = first_sent_;
  conversation_.messages.push_back(Message::user(std::move(text)));
  try {
    const CancelToken cancel;
    const Interrupts::Answer interruptible(cancel);
    move_window();
    GenerateResponse response = answer(view, cancel);
    Message message{Role::kAssistant, {}};
    ReasoningPart thought{response.reasoning, response.reasoning_replay};
    if (thought != ReasoningPart{}) message.parts.push_back(std::move(thought));
    message.parts.push_back(TextPart{response.content});
    if (response.content.empty() &&
        response.finish_reason == FinishReason::kCancelled) {
      conversation_.messages.resize(before);
    } else {
      conversation_.messages.push_back(std::move(message));
    }
    return response;
  } catch (...) {
    conversation_.messages.resize(before);
    first_sent_ = window_before;
    throw;
  }
}

void ChatSession::clear() {
  conversation_.messages.clear();
  first_sent_ = 0;
}

void ChatSession::replace(Conversation conversation) {
  conversation_ = std::move(conversation);
  first_sent_ = 0;
}

}  // namespace abstractllm::cli
