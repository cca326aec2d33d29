// Phi 1 to 4.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

PhiConfig::PhiConfig() {
  name = "phi";
  model_types = {"phi", "phi-msft", "phi2"};
  names = {"phi"};
  user_turn = "Instruct:";
  answer_turn = "Output:";
  end_tokens = {"<|endoftext|>"};
  chat_template = turn_template({.system_end = "\n",
                                 .user_begin = "Instruct: ",
                                 .user_end = "\n",
                                 .answer_begin = "Output:",
                                 .answer_end = "\n"});
  tool_dialect = output::ToolDialect::kJson;
  context_length = 2048;
}

Phi3Config::Phi3Config() {
  name = "phi3";
  model_types = {"phi3", "phi3small", "phi3_v", "phimoe"};
  template_marks = {"<|user|>", "<|assistant|>", "<|end|>"};
  names = {"phi-3", "phi3", "phi-3.5"};
  user_turn = "<|user|>";
  answer_turn = "<|assistant|>";
  turn_end = "<|end|>";
  end_tokens = {"<|end|>", "<|endoftext|>"};
  chat_template = turn_template({.system_begin = "<|system|>\n",
                                 .system_end = "<|end|>\n",
                                 .user_begin = "<|user|>\n",
                                 .user_end = "<|end|>\n",
                                 .answer_begin = "<|assistant|>\n",
                                 .answer_end = "<|end|>\n"});
  template_tokens = {"<|user|>", "<|assistant|>", "<|end|>"};
  tool_dialect = output::ToolDialect::kFunctools;
}

Phi4Config::Phi4Config() {
  name = "phi4";
  shared_model_types = {"phi3"};
  template_marks = {"<|im_start|>", "<|im_sep|>"};
  names = {"phi-4", "phi4"};
  user_turn = "<|im_start|>";
  answer_turn = "<|im_start|>";
  turn_end = "<|im_end|>";
  end_tokens = {"<|im_end|>", "<|endoftext|>"};
  chat_template =
      turn_template({.system_begin = "<|im_start|>system<|im_sep|>",
                     .system_end = "<|im_end|>",
                     .user_begin = "<|im_start|>user<|im_sep|>",
                     .user_end = "<|im_end|>",
                     .answer_begin = "<|im_start|>assistant<|im_sep|>",
                     .answer_end = "<|im_end|>"});
  template_tokens = {"<|im_start|>", "<|im_sep|>", "<|im_end|>"};
  tool_dialect = output::ToolDialect::kJson;
  reasoning_begin = "<think>";
  reasoning_end = "</think>";
}

}  // namespace abstractllm::families
