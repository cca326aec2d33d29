// Gemma 1 to 4, CodeGemma and PaliGemma.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

GemmaConfig::GemmaConfig() {
  name = "gemma";
  model_types = {"gemma",   "gemma2",       "gemma3",    "gemma3_text",
                 "gemma3n", "gemma3n_text", "vaultgemma"};
  template_marks = {"<start_of_turn>"};
  names = {"gemma"};
  user_turn = "<start_of_turn>";
  answer_turn = "<start_of_turn>";
  turn_end = "<end_of_turn>";
  beginning = "<bos>";
  end_tokens = {"<end_of_turn>", "<eos>"};
  system_prompt = SystemPrompt::kFolded;
  chat_template = turn_template({.user_begin = "<start_of_turn>user\n",
                                 .user_end = "<end_of_turn>\n",
                                 .answer_begin = "<start_of_turn>model\n",
                                 .answer_end = "<end_of_turn>\n"});
  template_tokens = {"<start_of_turn>", "<end_of_turn>"};
  tool_dialect = output::ToolDialect::kGemma;
}

CodeGemmaConfig::CodeGemmaConfig() {
  name = "codegemma";
  parent = "gemma";
  model_types = {};
  template_marks = {};
  names = {"codegemma", "code-gemma"};
  presets = {{"code", {.temperature = 0.2, .top_p = 0.95}}};
}

Gemma4Config::Gemma4Config() {
  name = "gemma4";
  model_types = {"gemma4", "gemma4_text", "gemma4_unified",
                 "gemma4_unified_text"};
  template_marks = {"<|turn>"};
  names = {"gemma-4", "gemma4"};
  user_turn = "<|turn>";
  answer_turn = "<|turn>";
  turn_end = "<turn|>";
  beginning = "<bos>";
  end_tokens = {"<turn|>", "<eos>"};
  chat_template = turn_template({.system_begin = "<|turn>system\n",
                                 .system_end = "<turn|>\n",
                                 .user_begin = "<|turn>user\n",
                                 .user_end = "<turn|>\n",
                                 .answer_begin = "<|turn>model\n",
                                 .answer_end = "<turn|>\n"});
  template_tokens = {"<|turn>", "<turn|>"};
  tool_dialect = output::ToolDialect::kGemmaTag;
  reasoning_begin = "<|channel>thought\n";
  reasoning_end = "<channel|>";
  thinking_variable = "enable_thinking";
}

// It was trained to continue an image and a task, not to chat.
PaliGemmaConfig::PaliGemmaConfig() {
  name = "paligemma";
  model_types = {"paligemma", "paligemma2"};
  names = {"paligemma"};
  beginning = "<bos>";
  end_tokens = {"<eos>"};
  system_prompt = SystemPrompt::kFolded;
  chat_template = turn_template({.user_end = "\n"});
}

}  // namespace abstractllm::families
