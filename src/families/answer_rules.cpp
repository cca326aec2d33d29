// Marks of dialects and of reasoning.
// SPDX-License-Identifier: Apache-2.0
#include "families/answer_rules.h"

#include <array>
#include <utility>

namespace abstractllm::families {

namespace {

using Marks = std::pair<std::string_view, std::string_view>;

constexpr std::array kReasoning{
    Marks{"<think>", "</think>"},
    Marks{"[THINK]", "[/THINK]"},
    Marks{"<|START_THINKING|>", "<|END_THINKING|>"},
    Marks{"<seed:think>", "</seed:think>"},
    Marks{"<|channel>thought\n", "<channel|>"},
    Marks{"<|inner_prefix|>", "<|inner_suffix|>"},
    // Apriel's; the first one is part of the prompt.
    Marks{"Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]"},
};

// Marks that are no words of their own, but that the dialect of calls uses for
// other things, too.
Marks marks_of(output::ToolDialect dialect) {
  switch (dialect) {
    case output::ToolDialect::kHunyuan:
      return {"<think:opensource>", "</think:opensource>"};
    case output::ToolDialect::kKimiChannels:
      return {"<|open|>think<|sep|>", "<|close|>think<|sep|>"};
    case output::ToolDialect::kMiniMaxElements:
      return {"<mm:think>", "</mm:think>"};
    case output::ToolDialect::kMuse:
      return {"to=self<|message|>", "<|eom|>"};
    case output::ToolDialect::kSolar:
      return {"<|think|>", "<|end|>"};
    default:
      return {};
  }
}

output::ToolDialect find_dialect(const std::string& chat_template,
                                 const TemplateFacts& facts,
                                 const MLXModelConfig& family) {
  const auto marked = output::find_tool_dialect(chat_template);
  // A model keeps to its own form also where words tell it of tools.
  if (marked) return *marked;
  if (!facts.tools) return output::ToolDialect::kHermes;
  return family.tool_dialect.value_or(output::ToolDialect::kJson);
}

}  // namespace

AnswerRules find_answer_rules(
    const std::string& chat_template, const TemplateFacts& facts,
    const MLXModelConfig& family,
    const std::function<bool(std::string_view)>& is_token) {
  AnswerRules rules{.dialect = find_dialect(chat_template, facts, family)};
  if (rules.has_channels()) return rules;
  if (const Marks marks = marks_of(rules.dialect); !marks.first.empty()) {
    rules.reasoning_begin = marks.first;
    rules.reasoning_end = marks.second;
    return rules;
  }
  const auto writes = [&](const Marks& marks) {
    const std::string_view begin =
        marks.first.substr(0, marks.first.find('\n'));
    return chat_template.find(begin) != std::string::npos ||
           chat_template.find(marks.second) != std::string::npos ||
           is_token(marks.first);
  };
  for (const Marks& marks : kReasoning) {
    if (!writes(marks)) continue;
    rules.reasoning_begin = marks.first;
    rules.reasoning_end = marks.second;
    return rules;
  }
  if (!family.reasoning_begin.empty() && is_token(family.reasoning_begin)) {
    rules.reasoning_begin = family.reasoning_begin;
    rules.reasoning_end = family.reasoning_end;
  }
  return rules;
}

}  // namespace abstractllm::families
