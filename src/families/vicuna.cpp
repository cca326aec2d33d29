// Vicuna, Alpaca and WizardLM: roles in words.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

VicunaConfig::VicunaConfig() {
  name = "vicuna";
  shared_model_types = {"llama", "mistral"};
  template_marks = {"USER: ", "ASSISTANT:"};
  names = {"vicuna", "wizard", "wizardlm"};
  tuning_names = {"vicuna"};
  user_turn = "USER:";
  answer_turn = "ASSISTANT:";
  turn_end = "</s>";
  beginning = "<s>";
  end_tokens = {"</s>"};
  chat_template = turn_template({.system_end = "\n\n",
                                 .user_begin = "USER: ",
                                 .user_end = " ",
                                 .answer_begin = "ASSISTANT:",
                                 .answer_end = "</s>"});
  template_tokens = {"</s>"};
  tool_dialect = output::ToolDialect::kJson;
}

AlpacaConfig::AlpacaConfig() {
  name = "alpaca";
  template_marks = {"### Instruction:", "### Response:"};
  names = {"alpaca"};
  user_turn = "### Instruction:";
  answer_turn = "### Response:";
  chat_template = turn_template({.system_end = "\n\n",
                                 .user_begin = "### Instruction:\n",
                                 .user_end = "\n\n",
                                 .answer_begin = "### Response:\n",
                                 .answer_end = "</s>\n\n"});
}

}  // namespace abstractllm::families
