// The family H2O Danube and its marks of turns.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

DanubeConfig::DanubeConfig() {
  name = "h2o_danube";
  shared_model_types = {"mistral", "llama"};
  template_marks = {"<|prompt|>", "<|answer|>"};
  names = {"h2o-danube", "danube"};
  user_turn = "<|prompt|>";
  answer_turn = "<|answer|>";
  turn_end = "</s>";
  beginning = "<s>";
  end_tokens = {"</s>"};
  system_prompt = SystemPrompt::kFolded;
  chat_template = turn_template({.user_begin = "<|prompt|>",
                                 .user_end = "</s>",
                                 .answer_begin = "<|answer|>",
                                 .answer_end = "</s>"});
  template_tokens = {"</s>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
