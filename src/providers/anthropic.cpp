// Anthropic, by its messages.
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote_providers.h"
#include "providers/wire/anthropic_messages.h"

namespace abstractllm::providers {

const RemoteDefinition& anthropic_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "anthropic",
                 .base_url = "https://api.anthropic.com",
                 .base_variable = "ANTHROPIC_BASE_URL",
                 .key_variable = "ANTHROPIC_API_KEY",
                 .needs_key = true,
                 .key_header = "x-api-key",
                 .models_path = "/v1/models?limit=1000",
                 .base_suffix = "/v1"},
      .aliases = {"claude"},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kStructuredOutput},
      .headers = {{"anthropic-version", "2023-06-01"}},
      .dialect = &anthropic_dialect};
  return definition;
}

}  // namespace abstractllm::providers
