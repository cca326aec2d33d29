// Names of capabilities and of the states of providers.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/factory.h"
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

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kRuns:
      return "runs";
    case Verdict::kRunsWithNotes:
      return "runs, with notes";
    case Verdict::kDoesNotRun:
      return "does not run";
  }
  return "";
}

std::string_view to_string(ProviderState state) noexcept {
  switch (state) {
    case ProviderState::kReady:
      return "ready";
    case ProviderState::kKeyMissing:
      return "key missing";
    case ProviderState::kAddressMissing:
      return "address missing";
    case ProviderState::kServerNotRunning:
      return "server not running";
    case ProviderState::kNotBuiltIn:
      return "not built in";
  }
  return "unknown";
}

}  // namespace abstractllm
