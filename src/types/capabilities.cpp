// Names of capabilities.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/llm.h"

namespace abstractllm {

std::string_view to_string(ModelCapability capability) noexcept {
  switch (capability) {
    case ModelCapability::kStreaming:
      return "streaming";
    case ModelCapability::kSystemPrompt:
      return "system_prompt";
    case ModelCapability::kMultiTurn:
      return "multi_turn";
    case ModelCapability::kTools:
      return "tools";
    case ModelCapability::kVision:
      return "vision";
    case ModelCapability::kEmbeddings:
      return "embeddings";
    case ModelCapability::kStructuredOutput:
      return "structured_output";
    case ModelCapability::kLogprobs:
      return "logprobs";
    case ModelCapability::kTokenize:
      return "tokenize";
  }
  return "unknown";
}

}  // namespace abstractllm
