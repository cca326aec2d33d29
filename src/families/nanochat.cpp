// nanochat, which takes a system message as part of the first question.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

NanoChatConfig::NanoChatConfig() {
  name = "nanochat";
  model_types = {"nanochat"};
  template_marks = {"<|user_start|>", "<|assistant_start|>"};
  names = {"nanochat"};
  user_turn = "<|user_start|>";
  answer_turn = "<|assistant_start|>";
  turn_end = "<|assistant_end|>";
  beginning = "<|bos|>";
  end_tokens = {"<|assistant_end|>"};
  system_prompt = SystemPrompt::kFolded;
  chat_template = turn_template({.user_begin = "<|user_start|>",
                                 .user_end = "<|user_end|>",
                                 .answer_begin = "<|assistant_start|>",
                                 .answer_end = "<|assistant_end|>"});
  template_tokens = {"<|user_start|>", "<|user_end|>", "<|assistant_start|>",
                     "<|assistant_end|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
