// Qwen 2 and 2.5, and their coders; Qwen 3 and its coder.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

QwenConfig::QwenConfig() {
  name = "qwen";
  model_types = {"qwen", "qwen2", "qwen2_moe", "qwen2moe"};
  names = {"qwen", "qwq"};
  user_turn = "<|im_start|>";
  answer_turn = "<|im_start|>";
  turn_end = "<|im_end|>";
  end_tokens = {"<|im_end|>", "<|endoftext|>"};
  chat_template = chatml_template();
  template_tokens = {"<|im_start|>", "<|im_end|>"};
  tool_dialect = output::ToolDialect::kHermes;
  reasoning_begin = "<think>";
  reasoning_end = "</think>";
  // Older models of the family repeat themselves; nobody gets a penalty that
  // they did not ask for.
  presets = {{"steady", {.repetition_penalty = 1.2}}};
}

QwenCoderConfig::QwenCoderConfig() {
  name = "qwen_coder";
  parent = "qwen";
  model_types = {};
  names = {"qwen*coder", "codeqwen"};
  presets.push_back({"code", {.temperature = 0.2, .top_p = 0.95}});
}

Qwen3Config::Qwen3Config() {
  name = "qwen3";
  model_types = {"qwen3",     "qwen3_moe",    "qwen3moe",        "qwen3_next",
                 "qwen3next", "qwen3_5",      "qwen35",          "qwen3_5_moe",
                 "qwen35moe", "qwen3_5_text", "qwen3_5_moe_text"};
  names = {"qwen3", "qwen-3"};
  thinking_variable = "enable_thinking";
  sampling = {.temperature = 0.6, .top_k = 20, .top_p = 0.95};
  presets = {{"thinking", {.temperature = 0.6, .top_k = 20, .top_p = 0.95}},
             {"direct", {.temperature = 0.7, .top_k = 20, .top_p = 0.8}},
             {"steady",
              {.temperature = 0.7,
               .top_k = 20,
               .top_p = 0.8,
               .presence_penalty = 1.5}}};
}

Qwen3CoderConfig::Qwen3CoderConfig() {
  name = "qwen3_coder";
  parent = "qwen3";
  model_types = {};
  names = {"qwen3*coder", "qwen-3*coder"};
  tool_dialect = output::ToolDialect::kQwenXml;
  sampling = {.temperature = 0.7, .top_k = 20, .top_p = 0.8};
  presets = {{"code", {.temperature = 0.2, .top_p = 0.95}}};
}

}  // namespace abstractllm::families
