// Command R, R7B and A, and Aya.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

CommandRConfig::CommandRConfig() {
  name = "command_r";
  model_types = {"cohere", "cohere2", "command-r", "cohere2_moe"};
  template_marks = {"<|START_OF_TURN_TOKEN|>"};
  names = {"command", "c4ai-command", "aya"};
  user_turn = "<|START_OF_TURN_TOKEN|>";
  answer_turn = "<|START_OF_TURN_TOKEN|>";
  turn_end = "<|END_OF_TURN_TOKEN|>";
  beginning = "<BOS_TOKEN>";
  end_tokens = {"<|END_OF_TURN_TOKEN|>"};
  chat_template =
      turn_template({.system_begin = "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>",
                     .system_end = "<|END_OF_TURN_TOKEN|>",
                     .user_begin = "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
                     .user_end = "<|END_OF_TURN_TOKEN|>",
                     .answer_begin = "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
                     .answer_end = "<|END_OF_TURN_TOKEN|>"});
  template_tokens = {"<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"};
  tool_dialect = output::ToolDialect::kCommandR;
  reasoning_begin = "<|START_THINKING|>";
  reasoning_end = "<|END_THINKING|>";
}

}  // namespace abstractllm::families
