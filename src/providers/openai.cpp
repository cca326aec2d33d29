// OpenAI, by its chat completions.
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote_providers.h"
#include "providers/wire/openai_chat.h"

namespace abstractllm::providers {

const RemoteDefinition& openai_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "openai",
                 .base_url = "https://api.openai.com/v1",
                 .base_variable = "OPENAI_BASE_URL",
                 .key_variable = "OPENAI_API_KEY",
                 .needs_key = true},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kEmbeddings, kStructuredOutput, kLogprobs},
      .dialect = [] { return openai_chat_dialect({ParameterColumn::kOpenAI}); },
      .embed = &embed_as_openai};
  return definition;
}

}  // namespace abstractllm::providers
