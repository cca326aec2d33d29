// From the events of a turn to the terminal.
// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_turn.h"

#include <fmt/format.h>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

constexpr std::size_t kShownBytes = 200;

std::string shortened(const std::string& text) {
  if (text.size() <= kShownBytes) return one_line(text);
  return one_line(text.substr(
             0, base::valid_utf8_prefix(text.substr(0, kShownBytes)))) +
         " ...";
}

class TurnViewer {
 public:
  TurnViewer(const AnswerView& view, Output& notes)
      : writer_(view), notes_(notes) {}

  void operator()(const TextDelta& delta) { writer_.text(delta.text); }
  void operator()(const ReasoningDelta& delta) {
    writer_.reasoning(delta.text);
  }
  void operator()(const ToolCall& call) {
    end(true);
    report_note(notes_, fmt::format("call {} {}", call.name,
                                    shortened(call.arguments)));
  }
  void operator()(const ToolResult& result) {
    report_note(notes_, fmt::format("{} of {}: {}",
                                    result.is_error ? "error" : "result",
                                    result.name, shortened(result.output)));
  }
  void operator()(const Retrying& retrying) {
    report_note(notes_, fmt::format("attempt {}: {}", retrying.attempt,
                                    one_line(retrying.error.message())));
  }
  // Said when the turn has succeeded.
  void operator()(const ContextChange&) {}

  void end(bool failed) { writer_.end(failed); }

 private:
  AnswerWriter writer_;
  Output& notes_;
};

}  // namespace

Turn take_turn(Session& session, Message message, const AnswerView& view,
               Output& notes) {
  TurnViewer viewer(view, notes);
  TurnOptions options;
  options.sink = [&viewer](const SessionEvent& event) {
    std::visit(viewer, event);
    return true;
  };
  const Interrupts::Answer interruptible(options.cancel);
  Turn turn;
  try {
    turn = session.send(std::move(message), options);
  } catch (const Error&) {
    viewer.end(true);
    throw;
  }
  viewer.end(false);
  if (turn.context_change) {
    report_note(
        notes,
        fmt::format(
            "the context is full: the first {} messages are no longer sent{}",
            turn.context_change->first_sent,
            turn.context_change->summarized ? ", but a summary" : ""));
  }
  return turn;
}

Conversation conversation_of(const SessionState& state) {
  Conversation conversation{state.system_prompt, {}, state.parameters};
  for (const SessionMessage& entry : state.messages) {
    conversation.messages.push_back(entry.message);
  }
  return conversation;
}

SessionState state_of(Conversation conversation) {
  SessionState state;
  state.system_prompt = std::move(conversation.system);
  state.parameters = std::move(conversation.parameters);
  for (Message& message : conversation.messages) {
    SessionMessage entry;
    entry.message = std::move(message);
    state.messages.push_back(std::move(entry));
  }
  return state;
}

}  // namespace abstractllm::cli
