// Granite 3 and 4.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

GraniteConfig::GraniteConfig() {
  name = "granite";
  model_types = {"granite",          "granitemoe",    "granitemoeshared",
                 "granitemoehybrid", "granitehybrid", "granite_swa",
                 "granitemoe_swa"};
  template_marks = {"<|start_of_role|>"};
  names = {"granite"};
  user_turn = "<|start_of_role|>";
  answer_turn = "<|start_of_role|>";
  turn_end = "<|end_of_text|>";
  end_tokens = {"<|end_of_text|>"};
  chat_template = turn_template(
      {.system_begin = "<|start_of_role|>system<|end_of_role|>",
       .system_end = "<|end_of_text|>\n",
       .user_begin = "<|start_of_role|>user<|end_of_role|>",
       .user_end = "<|end_of_text|>\n",
       .answer_begin = "<|start_of_role|>assistant<|end_of_role|>",
       .answer_end = "<|end_of_text|>\n"});
  template_tokens = {"<|start_of_role|>", "<|end_of_role|>"};
  tool_dialect = output::ToolDialect::kGranite;
  thinking_variable = "thinking";
}

}  // namespace abstractllm::families
