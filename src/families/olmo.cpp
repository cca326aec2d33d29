// OLMo 1 to 3 and OLMoE.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

OlmoConfig::OlmoConfig() {
  name = "olmo";
  model_types = {"olmo", "olmo2", "olmo3", "olmoe", "flex_olmo", "olmo_hybrid"};
  names = {"olmo", "tulu"};
  user_turn = "<|user|>";
  answer_turn = "<|assistant|>";
  turn_end = "<|endoftext|>";
  end_tokens = {"<|endoftext|>"};
  chat_template = turn_template({.system_begin = "<|system|>\n",
                                 .system_end = "\n",
                                 .user_begin = "<|user|>\n",
                                 .user_end = "\n",
                                 .answer_begin = "<|assistant|>\n",
                                 .answer_end = "<|endoftext|>\n"});
  template_tokens = {"<|endoftext|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
