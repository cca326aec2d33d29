// The loop of a turn.
// SPDX-License-Identifier: Apache-2.0
#include "session/turn_runner.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "abstractllm/error.h"
#include "session/call_ids.h"
#include "session/history_window.h"
#include "session/provider_view.h"
#include "session/summary.h"

namespace abstractllm::session {
namespace {

void add(Usage& sum, const Usage& usage) {
  sum.prompt_tokens += usage.prompt_tokens;
  sum.cached_tokens += usage.cached_tokens;
  sum.completion_tokens += usage.completion_tokens;
  sum.reasoning_tokens += usage.reasoning_tokens;
}

// From the events of one request to its response, and on to the sink.
class Listener {
 public:
  explicit Listener(const SessionSink& sink) : sink_(sink) {}

  bool operator()(const TextDelta& delta) {
    response.content += delta.text;
    response.logprobs.insert(response.logprobs.end(), delta.logprobs.begin(),
                             delta.logprobs.end());
    return show(delta);
  }
  bool operator()(const ReasoningDelta& delta) {
    response.reasoning += delta.text;
    if (!delta.replay.empty()) response.reasoning_replay = delta.replay;
    return show(delta);
  }
  // Shown when the answer is whole and the call has its id.
  bool operator()(const ToolCall& call) {
    began = true;
    response.tool_calls.push_back(call);
    return !left_;
  }
  bool operator()(const Retrying& retrying) {
    const bool before = began;
    const bool more = show(retrying);
    began = before;
    return more;
  }
  bool operator()(const Finished& finished) {
    response.finish_reason = finished.reason;
    response.stop_text = finished.stop_text;
    response.usage = finished.usage;
    response.timings = finished.timings;
    response.token_ids = finished.token_ids;
    response.request_id = finished.request_id;
    return true;
  }
  bool operator()(const Failed& failed) {
    failure = failed.error;
    return true;
  }

  GenerateResponse response;
  std::optional<Error> failure;
  std::exception_ptr broken_sink;
  bool began = false;  // something of the answer was there

 private:
  // A provider's thread must not see the sink's exceptions.
  bool show(const SessionEvent& event) {
    began = true;
    if (left_ || !sink_) return !left_;
    try {
      left_ = !sink_(event);
    } catch (...) {
      broken_sink = std::current_exception();
      left_ = true;
    }
    return !left_;
  }

  const SessionSink& sink_;
  bool left_ = false;
};

}  // namespace

std::int64_t now_ms() {
  using std::chrono::duration_cast;
  return duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Request request_of(const AbstractLLMInterface& llm, const SessionState& state,
                   std::size_t first) {
  Request request;
  request.system_prompt = prompt_with_summary(state);
  request.messages = view_for(
      state.messages, first, {llm.provider(), llm.model(), llm.capabilities()});
  request.parameters = state.parameters;
  return request;
}

TurnRunner::TurnRunner(AbstractLLMInterface& llm, const SessionOptions& session,
                       const TurnOptions& turn, SessionState& state)
    : llm_(llm),
      session_(session),
      options_(turn),
      state_(state),
      cancel_(turn.cancel) {}

Request TurnRunner::request_from(std::size_t first) const {
  Request request = request_of(llm_, state_, first);
  request.parameters = overlay(options_.parameters, state_.parameters);
  request.tools = tools_;
  if (!tools_.empty()) {
    if (turn_.tool_limit_reached) {
      request.tool_choice = ToolChoice{ToolChoice::Mode::kNone};
    } else if (turn_.requests == 0) {
      request.tool_choice = options_.tool_choice;
    }
  }
  request.response_format = options_.response_format;
  request.reasoning_effort = options_.reasoning_effort;
  request.cancel = cancel_;
  return request;
}

void TurnRunner::move_front(std::size_t first) {
  if (first <= state_.first_sent) return;
  const std::size_t before = state_.first_sent;
  const bool summarized = session_.context_policy == ContextPolicy::kSummarize;
  if (summarized) {
    state_.summary = summarize(llm_, state_, before, first, cancel_);
  }
  state_.first_sent = first;
  turn_.context_change = ContextChange{first, first - before, summarized};
  show(*turn_.context_change);
}

void TurnRunner::fit_context() {
  if (session_.context_policy == ContextPolicy::kRefuse) return;
  const Capabilities can = llm_.capabilities();
  if (!can.supports(ModelCapability::kTokenize)) return;
  const GenerationParameters parameters =
      overlay(options_.parameters, state_.parameters);
  move_front(
      first_to_send(state_.messages, state_.first_sent,
                    {can.context_length, parameters.max_tokens.value_or(0)},
                    [this](std::size_t first) {
                      return llm_.count_tokens(request_from(first));
                    }));
}

GenerateResponse TurnRunner::stream(bool& began) {
  Listener listener(options_.sink);
  const Request request = request_from(state_.first_sent);
  ++turn_.requests;
  llm_.stream(request,
              [&](const Event& event) { return std::visit(listener, event); });
  began = listener.began;
  if (listener.broken_sink) std::rethrow_exception(listener.broken_sink);
  if (listener.failure) throw_error(*listener.failure);
  listener.response.model = llm_.model();
  complete_call_ids(listener.response.tool_calls);
  return std::move(listener.response);
}

GenerateResponse TurnRunner::ask() {
  while (true) {
    bool began = false;
    try {
      return stream(began);
    } catch (const ContextWindowExceededError&) {
      // A provider that cannot count its tokens says so only here.
      if (began || session_.context_policy == ContextPolicy::kRefuse) throw;
      const std::size_t next = next_turn(state_.messages, state_.first_sent);
      if (next >= state_.messages.size()) throw;
      --turn_.requests;
      move_front(next);
    }
  }
}

void TurnRunner::append_answer(const GenerateResponse& response) {
  const bool cancelled = response.finish_reason == FinishReason::kCancelled;
  SessionMessage entry{.message = {Role::kAssistant, {}},
                       .provider = std::string(llm_.provider()),
                       .model = std::string(llm_.model()),
                       .finish_reason = response.finish_reason,
                       .created_at = now_ms()};
  auto& parts = entry.message.parts;
  ReasoningPart thought{response.reasoning, response.reasoning_replay};
  if (thought != ReasoningPart{}) parts.push_back(std::move(thought));
  const bool calls = !response.tool_calls.empty() && !cancelled;
  if (!response.content.empty() || !calls) {
    parts.push_back(TextPart{response.content});
  }
  // A call that nothing answers would make the conversation invalid.
  if (calls) {
    parts.insert(parts.end(), response.tool_calls.begin(),
                 response.tool_calls.end());
  }
  entry.message.token_ids = response.token_ids;
  state_.messages.push_back(std::move(entry));
}

void TurnRunner::show(const SessionEvent& event) {
  if (!left_ && options_.sink) left_ = !options_.sink(event);
}

void TurnRunner::run_tools(const std::vector<ToolCall>& calls) {
  const int left = session_.tool_limits.max_calls - turn_.tool_calls;
  const std::size_t allowed =
      std::min(calls.size(), static_cast<std::size_t>(std::max(left, 0)));
  const std::vector<ToolCall> run(
      calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(allowed));
  for (const ToolCall& call : calls) show(call);
  CancelToken cancel = cancel_;
  if (left_) {
    cancel = CancelToken();
    cancel.cancel();
  }
  std::vector<ToolResult> results = session_.tools->run(
      run, session_.tool_limits, session_.confirm_tool, cancel);
  turn_.tool_calls += static_cast<int>(allowed);
  turn_.tool_limit_reached = allowed < calls.size();
  for (std::size_t i = allowed; i < calls.size(); ++i) {
    results.push_back({calls[i].id, calls[i].name,
                       "the limit of " +
                           std::to_string(session_.tool_limits.max_calls) +
                           " tool calls in a turn is reached; answer with "
                           "what you have",
                       true});
  }
  SessionMessage entry{.message = {Role::kTool, {}}, .created_at = now_ms()};
  for (ToolResult& result : results) {
    show(result);
    entry.message.parts.push_back(std::move(result));
  }
  state_.messages.push_back(std::move(entry));
}

Turn TurnRunner::run() {
  while (true) {
    tools_.clear();
    if (session_.tools &&
        llm_.capabilities().supports(ModelCapability::kTools)) {
      tools_ = session_.tools->definitions();
    }
    const bool has_begun = turn_.requests > 0;
    try {
      fit_context();
      turn_.response = ask();
    } catch (const CancelledError&) {
      // Of a summary, mostly: what was said stays as it is.
      if (!cancelled()) throw;
      turn_.response.finish_reason = FinishReason::kCancelled;
      turn_.kept = has_begun;
      return std::move(turn_);
    }
    add(turn_.usage, turn_.response.usage);
    add(state_.usage, turn_.response.usage);
    const bool stopped =
        turn_.response.finish_reason == FinishReason::kCancelled;
    if (stopped && turn_.response.content.empty()) {
      turn_.kept = turn_.requests > 1;
      return std::move(turn_);
    }
    append_answer(turn_.response);
    if (stopped || turn_.response.tool_calls.empty()) return std::move(turn_);
    if (!session_.tools) {
      for (const ToolCall& call : turn_.response.tool_calls) show(call);
      return std::move(turn_);
    }
    if (turn_.tool_limit_reached) {
      // Told that there are no more calls, and called all the same.
      auto& parts = state_.messages.back().message.parts;
      std::erase_if(parts, [](const Part& part) {
        return std::holds_alternative<ToolCall>(part);
      });
      if (parts.empty()) parts.push_back(TextPart{});
      return std::move(turn_);
    }
    run_tools(turn_.response.tool_calls);
    if (cancelled()) {
      turn_.response.finish_reason = FinishReason::kCancelled;
      return std::move(turn_);
    }
  }
}

}  // namespace abstractllm::session
