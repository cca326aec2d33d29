// gpt-oss: channels within each answer.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

GptOssConfig::GptOssConfig() {
  name = "gpt_oss";
  model_types = {"gpt_oss", "gpt-oss"};
  template_marks = {"<|channel|>", "<|message|>"};
  names = {"gpt-oss"};
  user_turn = "<|start|>";
  answer_turn = "<|start|>";
  turn_end = "<|return|>";
  beginning = "<|startoftext|>";
  end_tokens = {"<|return|>", "<|call|>"};
  // It ends one message of an answer, and another follows.
  inner_tokens = {"<|end|>"};
  chat_template = turn_template({.system_begin = "<|start|>system<|message|>",
                                 .system_end = "<|end|>",
                                 .user_begin = "<|start|>user<|message|>",
                                 .user_end = "<|end|>",
                                 .answer_begin = "<|start|>assistant",
                                 .answer_end = "<|end|>"});
  template_tokens = {"<|start|>", "<|message|>", "<|end|>"};
  tool_dialect = output::ToolDialect::kHarmony;
  thinking_variable = "reasoning_effort";
  sampling = {.temperature = 1.0};
}

}  // namespace abstractllm::families
