// The family AM-Thinking, which thinks in the form of Qwen.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"

namespace abstractllm::families {

// Its marks <think> and <answer> stand within an answer: none of them ends it.
AmThinkingConfig::AmThinkingConfig() {
  name = "am_thinking";
  parent = "qwen";
  model_types = {};
  names = {"am-thinking"};
  presets = {{"steady", {.repetition_penalty = 1.15}}};
}

}  // namespace abstractllm::families
