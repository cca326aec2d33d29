// Jamba 1.5 and later; the reasoning ones write ChatML.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

JambaConfig::JambaConfig() {
  name = "jamba";
  model_types = {"jamba"};
  template_marks = {"<|bom|>", "<|eom|>"};
  names = {"jamba"};
  user_turn = "<|bom|>";
  answer_turn = "<|bom|>";
  turn_end = "<|eom|>";
  beginning = "<|startoftext|>";
  end_tokens = {"<|eom|>", "<|endoftext|>"};
  chat_template = turn_template({.system_begin = "<|bom|><|system|> ",
                                 .system_end = "<|eom|>",
                                 .user_begin = "<|bom|><|user|> ",
                                 .user_end = "<|eom|>",
                                 .answer_begin = "<|bom|><|assistant|> ",
                                 .answer_end = "<|eom|>"});
  template_tokens = {"<|bom|>", "<|eom|>", "<|user|>", "<|assistant|>"};
  tool_dialect = output::ToolDialect::kToolcall;
}

}  // namespace abstractllm::families
