// Bamba, which was trained to continue texts.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"

namespace abstractllm::families {

BambaConfig::BambaConfig() {
  name = "bamba";
  model_types = {"bamba"};
  names = {"bamba"};
  beginning = "<|begin_of_text|>";
  end_tokens = {"<|end_of_text|>", "<|eot_id|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
