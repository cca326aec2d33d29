// The request that condenses a conversation.
// SPDX-License-Identifier: Apache-2.0
#include "session/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"

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

std::string transcript(const SessionState& state, std::size_t first,
                       std::size_t last) {
  std::string text;
  if (!state.summary.empty()) text = "earlier: " + state.summary + "\n\n";
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

}  // namespace

std::string summarize(AbstractLLMInterface& llm, const SessionState& state,
                      std::size_t first, std::size_t last,
                      const CancelToken& cancel) {
  Request request;
  request.messages = {Message::user(std::string(kTask) + "\n\n" +
                                    transcript(state, first, last))};
  const int context = llm.capabilities().context_length;
  request.parameters = state.parameters;
  request.parameters.stop.reset();
  request.parameters.min_tokens.reset();
  request.parameters.temperature = 0;
  request.parameters.max_tokens =
      context > 0 ? std::clamp(context / kSummaryShare, 1, kMaxSummaryTokens)
                  : kMaxSummaryTokens;
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

std::optional<std::string> prompt_with_summary(const SessionState& state) {
  if (state.summary.empty()) return state.system_prompt;
  std::string text = state.system_prompt.value_or("");
  if (!text.empty()) text += "\n\n";
  return text + "Summary of the conversation so far:\n" + state.summary;
}

}  // namespace abstractllm::session
