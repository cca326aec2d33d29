// SmolLM 2 and 3.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

SmolLMConfig::SmolLMConfig() {
  name = "smollm";
  shared_model_types = {"llama"};
  names = {"smollm"};
  user_turn = "<|im_start|>";
  answer_turn = "<|im_start|>";
  turn_end = "<|im_end|>";
  end_tokens = {"<|im_end|>"};
  chat_template = chatml_template();
  template_tokens = {"<|im_start|>", "<|im_end|>"};
  tool_dialect = output::ToolDialect::kHermes;
  presets = {{"steady", {.temperature = 0.2, .top_p = 0.9}}};
}

SmolLM3Config::SmolLM3Config() {
  name = "smollm3";
  model_types = {"smollm3"};
  shared_model_types = {};
  names = {"smollm3"};
  reasoning_begin = "<think>";
  reasoning_end = "</think>";
  thinking_variable = "enable_thinking";
  presets = {};
}

}  // namespace abstractllm::families
