// Models of many makers that write their turns as ChatML.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

ChatMLConfig::ChatMLConfig() {
  name = "chatml";
  template_marks = {"<|im_start|>"};
  names = {"hermes", "dolphin", "openhermes", "yi"};
  tuning_names = {"hermes", "dolphin", "openhermes"};
  user_turn = "<|im_start|>";
  answer_turn = "<|im_start|>";
  turn_end = "<|im_end|>";
  end_tokens = {"<|im_end|>"};
  chat_template = chatml_template();
  template_tokens = {"<|im_start|>", "<|im_end|>"};
  tool_dialect = output::ToolDialect::kHermes;
}

}  // namespace abstractllm::families
