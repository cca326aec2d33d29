// GLM 4, 4.5 and later.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

GlmConfig::GlmConfig() {
  name = "glm";
  model_types = {"glm",           "glm4",        "glm4_moe", "glm4moe",
                 "glm4_moe_lite", "glm_moe_dsa", "chatglm"};
  template_marks = {"[gMASK]"};
  names = {"glm", "chatglm", "codegeex"};
  user_turn = "<|user|>";
  answer_turn = "<|assistant|>";
  beginning = "[gMASK]<sop>";
  end_tokens = {"<|user|>", "<|observation|>", "<|endoftext|>"};
  chat_template = turn_template({.system_begin = "<|system|>\n",
                                 .user_begin = "<|user|>\n",
                                 .answer_begin = "<|assistant|>\n"});
  template_tokens = {"<|user|>", "<|assistant|>"};
  tool_dialect = output::ToolDialect::kGlm;
  reasoning_begin = "<think>";
  reasoning_end = "</think>";
  thinking_variable = "enable_thinking";
}

}  // namespace abstractllm::families
