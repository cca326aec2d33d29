// What a running generation reports, piece by piece.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "abstractllm/error.h"
#include "abstractllm/export.h"
#include "abstractllm/message.h"

namespace abstractllm {

enum class FinishReason {
  kStop,       ///< end token or stop text
  kLength,     ///< max_tokens or the context is used up
  kToolCalls,  ///< the model asks for tool results
  kCancelled,  ///< the caller's cancel token, or its sink returned false
};

/// "stop", "length", "tool_calls", "cancelled".
ABSTRACTLLM_API std::string_view to_string(FinishReason reason) noexcept;

/// Token counts by the model's own tokenizer, or as the service reports them.
struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  ///< of the prompt, taken from an earlier request
  int completion_tokens = 0;
  int reasoning_tokens = 0;  ///< of the completion; services that report it
  int total_tokens() const { return prompt_tokens + completion_tokens; }
  bool operator==(const Usage&) const = default;
};

/// Wall-clock seconds. Decode covers the tokens after the first one; its parts
/// are known of the models of this process on their own CPU kernels. What they
/// leave over is dispatch and handing tokens on.
struct Timings {
  double queue_seconds = 0;
  double prefill_seconds = 0;
  double time_to_first_token_seconds = 0;
  double decode_seconds = 0;
  double decode_build_seconds = 0;     ///< making the graphs of the steps
  double decode_kernel_seconds = 0;    ///< in kernels
  double decode_sampling_seconds = 0;  ///< choosing tokens
};

/// A token's natural-log probability under the model, before temperature and
/// the other sampling options.
struct TokenLogprob {
  struct Alternative {
    std::int32_t token_id = 0;  ///< -1: a service that names none
    std::string bytes;
    double logprob = 0;
  };
  std::int32_t token_id = 0;  ///< -1: a service that names none
  std::string bytes;  ///< the token's bytes; not always whole UTF-8 characters
  double logprob = 0;
  std::vector<Alternative> top;  ///< most probable first
};

/// Valid UTF-8; the deltas of a stream concatenate to the whole answer.
struct TextDelta {
  std::string text;
  /// Of the tokens whose text begins in `text`, and of those without text
  /// before them. The tokens of a stop text are left out.
  std::vector<TokenLogprob> logprobs;
};

struct ReasoningDelta {
  std::string text{};
  /// As ReasoningPart::replay; not empty in at most one delta of an answer.
  std::string replay{};
};

/// A request failed for a passing reason and is tried again, by the same
/// provider or by the next in a chain; nothing of its answer came before.
struct Retrying {
  Error error;      ///< why
  int attempt = 0;  ///< the one to come; the first is 1
  double wait_seconds = 0;
  std::string provider;  ///< who tries
};

/// Terminal: the generation ended as it should.
struct Finished {
  FinishReason reason = FinishReason::kStop;
  std::string stop_text;  ///< the stop text that matched, if one did
  Usage usage;
  Timings timings;
  /// The ids that the model emitted, end token included; local models only.
  std::vector<std::int32_t> token_ids;
  std::string request_id;  ///< by which the service knows it; remote only
};

/// Terminal: the generation failed.
struct Failed {
  Error error;
};

/// Retries if there are any, deltas and whole tool calls, then exactly one
/// terminal event.
using Event = std::variant<TextDelta, ReasoningDelta, ToolCall, Retrying,
                           Finished, Failed>;

inline bool is_terminal(const Event& event) {
  return std::holds_alternative<Finished>(event) ||
         std::holds_alternative<Failed>(event);
}

/// Receives the events of one request, in order, on one thread at a time.
/// Returning false cancels the request; the terminal event still follows.
/// Must not call back into the provider that feeds it.
using EventSink = std::function<bool(const Event&)>;

}  // namespace abstractllm
