// What a chat template can do, found out by rendering it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "families/family.h"
#include "text/chat_template.h"

namespace abstractllm::families {

/// How a template turns a model's thinking on and off.
struct ThinkingControl {
  enum class Kind {
    kNone,
    kSwitch,  ///< `variable` is true or false
    kLevel,   ///< `variable` is "low", "medium" or "high"
    kBudget,  ///< `variable` is the most tokens of reasoning; 0: none, -1: any
    kWord,    ///< `variable`, "/think", or "/no_think" in the system message
  };
  Kind kind = Kind::kNone;
  std::string variable{};
  bool operator==(const ThinkingControl&) const = default;
};

/// A plain value. What a template does with a small conversation it is taken
/// to do with any.
struct TemplateFacts {
  SystemPrompt system_prompt = SystemPrompt::kNative;
  bool tools = false;         ///< it tells the model of its tools
  bool tool_calls = false;    ///< it writes earlier calls
  bool tool_results = false;  ///< and what they gave
  bool alternates = false;    ///< it refuses two turns of one role in a row
  ThinkingControl thinking{};
  text::MessageShape shape{};
  bool operator==(const TemplateFacts&) const = default;
};

/// Renders `chat_template` a few times; takes about a millisecond. Never
/// throws for a template that refuses: it then cannot do that.
TemplateFacts find_template_facts(const text::ChatTemplate& chat_template);

}  // namespace abstractllm::families
