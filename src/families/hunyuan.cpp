// Hunyuan 3, whose tokens name their release.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"
#include "families/turn_template.h"

namespace abstractllm::families {

Hunyuan3Config::Hunyuan3Config() {
  name = "hunyuan3";
  model_types = {"hy_v3"};
  // Its template puts the release's name in by itself.
  template_marks = {"<｜hy_User", "<｜hy_Assistant"};
  names = {"hy3", "hunyuan-3"};
  user_turn = "<｜hy_User";
  answer_turn = "<｜hy_Assistant";
  turn_end = "<｜hy_eos:opensource｜>";
  beginning = "<｜hy_begin_of_sentence:opensource｜>";
  end_tokens = {"<｜hy_eos:opensource｜>"};
  chat_template =
      turn_template({.system_end = "\n\n",
                     .user_begin = "<｜hy_User:opensource｜>",
                     .answer_begin = "<｜hy_Assistant:opensource｜>",
                     .answer_end = "<｜hy_eos:opensource｜>"});
  template_tokens = {"<｜hy_User:opensource｜>",
                     "<｜hy_Assistant:opensource｜>",
                     "<｜hy_eos:opensource｜>"};
  tool_dialect = output::ToolDialect::kHunyuan;
  reasoning_begin = "<think:opensource>";
  reasoning_end = "</think:opensource>";
}

}  // namespace abstractllm::families
