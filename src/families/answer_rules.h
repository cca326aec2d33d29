// How a model's answers are to be read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "families/template_facts.h"
#include "output/tool_calls/dialect.h"

namespace abstractllm::families {

/// A plain value.
struct AnswerRules {
  /// Of calls, where tools are offered.
  output::ToolDialect dialect = output::ToolDialect::kJson;
  /// Marks around reasoning; empty where the model writes none.
  std::string reasoning_begin{};
  std::string reasoning_end{};

  /// Whether reasoning is a channel of every answer.
  bool has_channels() const { return dialect == output::ToolDialect::kHarmony; }
};

/// The template's marks win over the family's. Where it has none and does not
/// tell of tools, the preamble does, which asks for the Hermes dialect.
/// `is_token`: whether a text is one token of the vocabulary.
AnswerRules find_answer_rules(
    const std::string& chat_template, const TemplateFacts& facts,
    const MLXModelConfig& family,
    const std::function<bool(std::string_view)>& is_token);

}  // namespace abstractllm::families
