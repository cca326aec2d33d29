// A conversation as a model's template can take it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "abstractllm/message.h"
#include "families/template_facts.h"

namespace abstractllm::families {

/// What the template has no words for, said in words of its own: a system
/// message goes before the text of the next user turn, a tool's result becomes
/// a user turn, an earlier call the text that the model wrote it as. Turns of
/// one role in a row become one where the template demands it. `task` is put
/// behind the first system message, or is one. Throws UnsupportedFeatureError
/// for a system message where the model takes none.
std::vector<Message> adapt_conversation(std::vector<Message> messages,
                                        const std::string& task,
                                        const TemplateFacts& facts);

/// What tells a model of its tools whose template does not: their JSON, one a
/// line, and that a call is <tool_call>{"name": ..., "arguments": ...}
/// </tool_call>.
std::string tools_preamble(const std::vector<ToolDefinition>& tools);

}  // namespace abstractllm::families
