// The family LFM 2: ChatML with calls as Python writes them.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

Lfm2Config::Lfm2Config() {
  name = "lfm2";
  model_types = {"lfm2", "lfm2_moe", "lfm2moe", "lfm3"};
  names = {"lfm2", "lfm-2", "lfm3", "lfm-3"};
  user_turn = "<|im_start|>";
  answer_turn = "<|im_start|>";
  turn_end = "<|im_end|>";
  beginning = "<|startoftext|>";
  end_tokens = {"<|im_end|>"};
  chat_template = chatml_template();
  template_tokens = {"<|im_start|>", "<|im_end|>"};
  tool_dialect = output::ToolDialect::kPythonic;
  sampling = {.temperature = 0.3, .min_p = 0.15};
}

}  // namespace abstractllm::families
