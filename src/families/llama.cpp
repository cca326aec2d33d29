// Llama 2, 3 and 4, and what else has that architecture.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

LlamaConfig::LlamaConfig() {
  name = "llama";
  shared_model_types = {"llama"};
  tool_dialect = output::ToolDialect::kJson;
}

Llama2Config::Llama2Config() {
  name = "llama2";
  shared_model_types = {"llama"};
  template_marks = {"[INST]", "<<SYS>>"};
  names = {"llama-2", "llama2"};
  user_turn = "[INST]";
  answer_turn = "[/INST]";
  turn_end = "</s>";
  beginning = "<s>";
  end_tokens = {"</s>"};
  system_prompt = SystemPrompt::kFolded;
  chat_template = turn_template({.user_begin = "[INST] ",
                                 .user_end = " [/INST]",
                                 .answer_begin = " ",
                                 .answer_end = " </s>"});
  template_tokens = {"</s>"};
  tool_dialect = output::ToolDialect::kJson;
  context_length = 4096;
}

Llama3Config::Llama3Config() {
  name = "llama3";
  model_types = {"mllama"};
  shared_model_types = {"llama"};
  template_marks = {"<|start_header_id|>"};
  names = {"llama-3", "llama3"};
  user_turn = "<|start_header_id|>";
  answer_turn = "<|start_header_id|>";
  turn_end = "<|eot_id|>";
  beginning = "<|begin_of_text|>";
  end_tokens = {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"};
  chat_template = turn_template(
      {.system_begin = "<|start_header_id|>system<|end_header_id|>\n\n",
       .system_end = "<|eot_id|>",
       .user_begin = "<|start_header_id|>user<|end_header_id|>\n\n",
       .user_end = "<|eot_id|>",
       .answer_begin = "<|start_header_id|>assistant<|end_header_id|>\n\n",
       .answer_end = "<|eot_id|>"});
  template_tokens = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
  tool_dialect = output::ToolDialect::kLlama;
}

Llama4Config::Llama4Config() {
  name = "llama4";
  model_types = {"llama4", "llama4_text"};
  template_marks = {"<|header_start|>"};
  names = {"llama-4", "llama4"};
  user_turn = "<|header_start|>";
  answer_turn = "<|header_start|>";
  turn_end = "<|eot|>";
  beginning = "<|begin_of_text|>";
  end_tokens = {"<|eot|>", "<|eom|>", "<|end_of_text|>"};
  chat_template = turn_template(
      {.system_begin = "<|header_start|>system<|header_end|>\n\n",
       .system_end = "<|eot|>",
       .user_begin = "<|header_start|>user<|header_end|>\n\n",
       .user_end = "<|eot|>",
       .answer_begin = "<|header_start|>assistant<|header_end|>\n\n",
       .answer_end = "<|eot|>"});
  template_tokens = {"<|header_start|>", "<|header_end|>", "<|eot|>"};
  tool_dialect = output::ToolDialect::kPythonic;
}

}  // namespace abstractllm::families
