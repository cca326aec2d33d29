// DeepSeek V2 and V3, its coder, R1 and what was distilled from it.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

DeepSeekConfig::DeepSeekConfig() {
  name = "deepseek";
  model_types = {"deepseek",    "deepseek_v2",  "deepseek2",
                 "deepseek_v3", "deepseek_v32", "deepseek_v4"};
  template_marks = {"<｜User｜>"};
  names = {"deepseek"};
  turn_end = "<｜end▁of▁sentence｜>";
  beginning = "<｜begin▁of▁sentence｜>";
  end_tokens = {"<｜end▁of▁sentence｜>"};
  chat_template = turn_template({.system_end = "\n\n",
                                 .user_begin = "<｜User｜>",
                                 .answer_begin = "<｜Assistant｜>",
                                 .answer_end = "<｜end▁of▁sentence｜>"});
  template_tokens = {"<｜User｜>", "<｜Assistant｜>"};
  tool_dialect = output::ToolDialect::kDeepSeek;
  thinking_variable = "thinking";
  presets = {{"steady", {.repetition_penalty = 1.2}}};
}

DeepSeekCoderConfig::DeepSeekCoderConfig() {
  name = "deepseek_coder";
  parent = "deepseek";
  model_types = {};
  shared_model_types = {"llama"};
  template_marks = {};
  names = {"deepseek-coder"};
  chat_template = turn_template({.system_end = "\n",
                                 .user_begin = "### Instruction:\n",
                                 .user_end = "\n",
                                 .answer_begin = "### Response:\n",
                                 .answer_end = "\n<|EOT|>\n"});
  template_tokens = {"<|EOT|>"};
  end_tokens = {"<|EOT|>", "<｜end▁of▁sentence｜>"};
  presets = {{"code", {.temperature = 0.2, .top_p = 0.95}}};
}

DeepSeekR1Config::DeepSeekR1Config() {
  name = "deepseek_r1";
  parent = "deepseek";
  model_types = {};
  shared_model_types = {"qwen2", "qwen3", "llama"};
  template_marks = {"<｜User｜>", "<think>"};
  names = {"deepseek-r1", "r1-distill", "deepseek*distill"};
  user_turn = "<｜User｜>";
  answer_turn = "<｜Assistant｜>";
  reasoning_begin = "<think>";
  reasoning_end = "</think>";
  thinking_variable = {};
  sampling = {.temperature = 0.6, .top_p = 0.95};
}

}  // namespace abstractllm::families
