// Models of code without a chat format of their own maker.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"

namespace abstractllm::families {

CodeConfig::CodeConfig() {
  name = "code";
  model_types = {"starcoder2", "gpt_bigcode", "starcoder", "codegen"};
  shared_model_types = {"llama", "mistral"};
  names = {"sqlcoder",  "starcoder",  "wizardcoder",
           "codellama", "code-llama", "phind-codellama"};
  end_tokens = {"</s>", "<|endoftext|>"};
  tool_dialect = output::ToolDialect::kJson;
  presets = {{"code", {.temperature = 0.2, .top_p = 0.95}}};
}

}  // namespace abstractllm::families
