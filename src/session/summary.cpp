// The request that condenses a conversation.
// SPDX-License-Identifier: Apache-2.0
#include "session/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"
#include "base/utf8.h"

namespace abstractllm::session {
namespace {

constexpr char kTask[] =
    "Summarize the conversation below for yourself: it will be taken away and "
    "your summary put in its place. Keep names, numbers, decisions, open "
    "questions and what the user wants. Write plain sentences and nothing "
    "else.";
// A summary that takes much of the context would be for nothing.
constexpr int kSummaryShare = 8;
constexpr int kMaxSummaryTokens = 1024;

// What one message among those that are condensed may keep at least.
constexpr std::size_t kShortestCut = 200;

std::string transcript(const SessionState& state, std::size_t first,
                       std::size_t last) {
  std::string text;
  for (std::size_t i = first; i < last; ++i) {
    const Message& message = state.messages[i].message;
    for (const Part& part : message.parts) {
      if (const auto* piece = std::get_if<TextPart>(&part)) {
        text += fmt::format("{}: {}\n\n", to_string(message.role), piece->text);
      } else if (const auto* call = std::get_if<ToolCall>(&part)) {
        text += fmt::format("call: {} {}\n\n", call->name, call->arguments);
      } else if (const auto* result = std::get_if<ToolResult>(&part)) {
        text += fmt::format("result: {}\n\n", result->output);
      } else if (std::holds_alternative<ImagePart>(part)) {
        text += fmt::format("{}: (an image)\n\n", to_string(message.role));
      }
    }
  }
  return text;
}

Request request_for(const AbstractLLMInterface& llm, const SessionState& state,
                    const std::string& earlier, const std::string& text) {
  std::string prompt = std::string(kTask) + "\n\n";
  if (!earlier.empty()) prompt += "earlier: " + earlier + "\n\n";
  Request request;
  request.messages = {Message::user(prompt + text)};
  const int context = llm.capabilities().context_length;
  request.parameters = state.parameters;
  request.parameters.stop.reset();
  request.parameters.min_tokens.reset();
  request.parameters.temperature = 0;
  request.parameters.max_tokens =
      context > 0 ? std::clamp(context / kSummaryShare, 1, kMaxSummaryTokens)
                  : kMaxSummaryTokens;
  return request;
}

std::string answer_to(AbstractLLMInterface& llm, Request request,
                      const CancelToken& cancel) {
  request.cancel = cancel;
  const GenerateResponse response = llm.generate(request);
  const std::string provider(llm.provider());
  if (response.finish_reason == FinishReason::kCancelled) {
    throw CancelledError("[session] the summary was cancelled", "", provider);
  }
  if (response.content.empty()) {
    throw GenerationError("[session] the model gave an empty summary",
                          "Use another context policy.", provider);
  }
  return response.content;
}

// One message, of which as much is read as the model can.
std::string condense_one(AbstractLLMInterface& llm, const SessionState& state,
                         const std::string& earlier, std::string text,
                         const CancelToken& cancel) {
  while (true) {
    try {
      return answer_to(llm, request_for(llm, state, earlier, text), cancel);
    } catch (const ContextWindowExceededError&) {
      if (text.size() < kShortestCut) throw;
      text = std::string(base::truncate_utf8(text, text.size() / 2)) + "...";
    }
  }
}

// A conversation may come from a model that reads more than this one: what is
// too long for one request is condensed by halves, the first into the second.
std::string condense(AbstractLLMInterface& llm, const SessionState& state,
                     const std::string& earlier, std::size_t first,
                     std::size_t last, const CancelToken& cancel) {
  std::string text = transcript(state, first, last);
  if (last - first < 2) {
    return condense_one(llm, state, earlier, std::move(text), cancel);
  }
  try {
    return answer_to(llm, request_for(llm, state, earlier, text), cancel);
  } catch (const ContextWindowExceededError&) {
    const std::size_t middle = first + (last - first) / 2;
    return condense(llm, state,
                    condense(llm, state, earlier, first, middle, cancel),
                    middle, last, cancel);
  }
}

}  // namespace

std::string summarize(AbstractLLMInterface& llm, const SessionState& state,
                      std::size_t first, std::size_t last,
                      const CancelToken& cancel) {
  return condense(llm, state, state.summary, first, last, cancel);
}

std::optional<std::string> prompt_with_summary(const SessionState& state) {
  if (state.summary.empty()) return state.system_prompt;
  std::string text = state.system_prompt.value_or("");
  if (!text.empty()) text += "\n\n";
  return text + "Summary of the conversation so far:\n" + state.summary;
}

}  // namespace abstractllm::session
