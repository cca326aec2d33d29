// BitNet: roles in words, Llama 3's tokens.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

BitNetConfig::BitNetConfig() {
  name = "bitnet";
  model_types = {"bitnet"};
  names = {"bitnet"};
  answer_turn = "Assistant: ";
  turn_end = "<|eot_id|>";
  beginning = "<|begin_of_text|>";
  end_tokens = {"<|eot_id|>", "<|end_of_text|>"};
  chat_template = turn_template({.system_begin = "System: ",
                                 .system_end = "<|eot_id|>",
                                 .user_begin = "User: ",
                                 .user_end = "<|eot_id|>",
                                 .answer_begin = "Assistant: ",
                                 .answer_end = "<|eot_id|>"});
  template_tokens = {"<|eot_id|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
