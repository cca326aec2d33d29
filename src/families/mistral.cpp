// Mistral and Mixtral.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

MistralConfig::MistralConfig() {
  name = "mistral";
  model_types = {"mistral", "mistral3", "ministral", "ministral3", "mistral4"};
  template_marks = {"[INST]"};
  names = {"mistral", "ministral", "codestral", "devstral", "magistral"};
  user_turn = "[INST]";
  answer_turn = "[/INST]";
  turn_end = "</s>";
  beginning = "<s>";
  end_tokens = {"</s>"};
  system_prompt = SystemPrompt::kFolded;
  chat_template = turn_template({.user_begin = "[INST] ",
                                 .user_end = " [/INST]",
                                 .answer_begin = " ",
                                 .answer_end = "</s>"});
  template_tokens = {"</s>"};
  tool_dialect = output::ToolDialect::kMistral;
  reasoning_begin = "[THINK]";
  reasoning_end = "[/THINK]";
}

MixtralConfig::MixtralConfig() {
  name = "mixtral";
  model_types = {"mixtral"};
  template_marks = {};
  names = {"mixtral"};
}

}  // namespace abstractllm::families
