// LM Studio on this machine.
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote_providers.h"
#include "providers/wire/openai_chat.h"

namespace abstractllm::providers {

const RemoteDefinition& lmstudio_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "lmstudio",
                 .base_url = "http://127.0.0.1:1234/v1",
                 .base_variable = "LMSTUDIO_BASE_URL",
                 .key_variable = "LMSTUDIO_API_KEY",
                 .is_local_server = true,
                 .default_port = "1234/v1",
                 .models_hint = "LM Studio fetches others."},
      .aliases = {"lm-studio", "lm_studio"},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kEmbeddings, kStructuredOutput},
      .dialect =
          [] {
            return openai_chat_dialect({.column = ParameterColumn::kLMStudio,
                                        .reasoning_field = "reasoning_content",
                                        .takes_effort = false,
                                        .takes_json_object = false,
                                        .takes_raw_prompt = true});
          },
      .embed = &embed_as_openai};
  return definition;
}

}  // namespace abstractllm::providers
