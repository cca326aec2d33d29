// The family ERNIE 4.5, whose roles are words.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

ErnieConfig::ErnieConfig() {
  name = "ernie4_5";
  model_types = {"ernie4_5", "ernie4_5_moe"};
  names = {"ernie"};
  end_tokens = {"</s>"};
  beginning = "<|begin_of_sentence|>";
  chat_template = turn_template({.system_end = "\n",
                                 .user_begin = "User: ",
                                 .user_end = "\n",
                                 .answer_begin = "Assistant: ",
                                 .answer_end = "<|end_of_sentence|>"});
  template_tokens = {"<|end_of_sentence|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
