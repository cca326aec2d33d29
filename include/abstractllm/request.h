// One request to a language model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/export.h"
#include "abstractllm/message.h"
#include "abstractllm/parameters.h"

namespace abstractllm {

/// Whether the model calls functions. With tools the default is kAuto.
struct ToolChoice {
  enum class Mode {
    kAuto,      ///< the model decides
    kNone,      ///< no call
    kRequired,  ///< at least one call
    kNamed,     ///< a call of `name`
  };
  Mode mode = Mode::kAuto;
  std::string name{};
  bool operator==(const ToolChoice&) const = default;
};

/// The form that the answer must have. JSON is for every provider, the other
/// forms are for models of this process; see docs/providers.md.
struct ResponseFormat {
  enum class Kind {
    kText,
    kJsonObject,  ///< any JSON object
    kJsonSchema,  ///< JSON that `schema` allows
    kRegex,       ///< text that `pattern` matches from beginning to end
    kGrammar,     ///< text that `grammar` derives
  };
  Kind kind = Kind::kText;
  std::string schema{};  ///< JSON Schema as text, for kJsonSchema
  std::string name = "answer";
  /// For kRegex, in Rust's syntax: no look-around, no back-references.
  std::string pattern{};
  /// For kGrammar: Lark in llguidance's dialect, from its rule `start`.
  std::string grammar{};
  bool operator==(const ResponseFormat&) const = default;
};

/// How much a reasoning model thinks before it answers.
enum class ReasoningEffort { kOff, kLow, kMedium, kHigh };

/// "off", "low", "medium", "high".
ABSTRACTLLM_API std::string_view to_string(ReasoningEffort effort) noexcept;
/// Inverse of to_string; "on" is taken for medium and "none" for off. Throws
/// InvalidParameterError for any other text.
ABSTRACTLLM_API ReasoningEffort parse_reasoning_effort(std::string_view text);

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
  /// Only with tools; absent: kAuto.
  std::optional<ToolChoice> tool_choice{};
  /// Only with tools: whether one answer may hold several calls; absent: the
  /// model's or the service's own way.
  std::optional<bool> parallel_tool_calls{};
  ResponseFormat response_format{};
  /// Absent: the model's own way.
  std::optional<ReasoningEffort> reasoning_effort{};
  /// Extra variables of the chat template, as a JSON object in text.
  std::string template_variables = "{}";
  /// Local models: the name of the adapter that changes the model for this
  /// request, "none" for none; absent: the provider's own.
  std::optional<std::string> adapter{};
  GenerationParameters parameters{};
  CancelToken cancel{};
};

}  // namespace abstractllm
