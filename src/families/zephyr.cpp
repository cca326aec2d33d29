// Zephyr and what was trained after it.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

ZephyrConfig::ZephyrConfig() {
  name = "zephyr";
  shared_model_types = {"mistral", "llama", "stablelm"};
  template_marks = {"<|user|>", "<|assistant|>", "<|system|>", "eos_token"};
  names = {"zephyr", "tinyllama"};
  tuning_names = {"zephyr"};
  user_turn = "<|user|>";
  answer_turn = "<|assistant|>";
  turn_end = "</s>";
  beginning = "<s>";
  end_tokens = {"</s>"};
  chat_template = turn_template({.system_begin = "<|system|>\n",
                                 .system_end = "</s>\n",
                                 .user_begin = "<|user|>\n",
                                 .user_end = "</s>\n",
                                 .answer_begin = "<|assistant|>\n",
                                 .answer_end = "</s>\n"});
  template_tokens = {"</s>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
