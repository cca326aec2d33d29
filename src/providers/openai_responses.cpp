// OpenAI, by its responses: reasoning is kept over the turns of a
// conversation.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_responses.h"

#include "providers/remote_providers.h"

namespace abstractllm::providers {

const RemoteDefinition& openai_responses_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "openai-responses",
                 .base_url = "https://api.openai.com/v1",
                 .base_variable = "OPENAI_BASE_URL",
                 .key_variable = "OPENAI_API_KEY",
                 .needs_key = true},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kEmbeddings, kStructuredOutput, kLogprobs},
      .dialect = &openai_responses_dialect,
      .embed = &embed_as_openai};
  return definition;
}

}  // namespace abstractllm::providers
