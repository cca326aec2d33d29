// One turn: requests, tools, and requests again, until there is an answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "abstractllm/session.h"

namespace abstractllm::session {

/// Works on a state that its caller restores when it throws. One turn each.
class TurnRunner {
 public:
  /// All references outlive it.
  TurnRunner(AbstractLLMInterface& llm, const SessionOptions& session,
             const TurnOptions& turn, SessionState& state);

  /// REQUIRES: the new message is the last of the state. Appends what follows
  /// it. Turn::kept is false when nothing did.
  Turn run();

 private:
  Request request_from(std::size_t first) const;
  void fit_context();
  void move_front(std::size_t first);
  GenerateResponse ask();
  GenerateResponse stream(bool& began);
  void append_answer(const GenerateResponse& response);
  void run_tools(const std::vector<ToolCall>& calls);
  void show(const SessionEvent& event);
  bool cancelled() const { return left_ || cancel_.cancelled(); }

  AbstractLLMInterface& llm_;
  const SessionOptions& session_;
  const TurnOptions& options_;
  SessionState& state_;
  const CancelToken cancel_;
  std::vector<ToolDefinition> tools_;
  Turn turn_;
  bool left_ = false;  // the sink wants no more
};

/// Milliseconds since 1970-01-01 UTC.
std::int64_t now_ms();

/// What is sent of `state` to `llm`, from message `first` on, without options.
Request request_of(const AbstractLLMInterface& llm, const SessionState& state,
                   std::size_t first);

}  // namespace abstractllm::session
