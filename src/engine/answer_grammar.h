// The form of an answer that has one: calls, JSON, or either.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"
#include "output/tool_calls/dialect.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace abstractllm::engine {

/// What an answer may be: calls, one of the texts below, or either; at least
/// one of them is given.
struct AnswerForm {
  /// Calls of these.
  std::vector<ToolDefinition> tools{};
  output::ToolDialect dialect = output::ToolDialect::kHermes;
  bool several_calls = false;
  /// JSON that fits this JSON Schema.
  std::optional<std::string> schema{};
  /// Text that this regular expression matches as a whole. At the limit of
  /// tokens nothing steers it to an end that it has yet to write: such an
  /// answer is cut off.
  std::optional<std::string> pattern{};
  /// Text of this Lark grammar.
  std::optional<std::string> grammar{};
};

/// What text::TokenTrie compiles.
struct AnswerGrammar {
  text::GrammarKind kind = text::GrammarKind::kLark;
  std::string source{};
};

/// The dialect that calls are written in where a grammar asks for them: the
/// model's own, if its arguments are JSON, else kHermes.
output::ToolDialect constrained_dialect(output::ToolDialect dialect);

/// REQUIRES: `form.dialect` is one that constrained_dialect gives.
/// `chat_template` tells variants of a dialect apart. Throws
/// InvalidRequestError for a schema that is no JSON, and for an empty pattern
/// or grammar.
AnswerGrammar answer_grammar(const AnswerForm& form,
                             std::string_view chat_template,
                             const text::Tokenizer& tokenizer);

/// A schema whose objects have their own properties only, where nothing else is
/// said of others, and whose numbers have bounds: what fits it fits `schema`,
/// and a model cannot go on for ever. Throws InvalidRequestError for what is no
/// JSON.
std::string closed_schema(std::string_view schema);

}  // namespace abstractllm::engine
