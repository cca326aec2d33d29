// A model that nothing is known of.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"

namespace abstractllm::families {

GenericConfig::GenericConfig() {
  name = "generic";
  end_tokens = {"</s>", "<|endoftext|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families
