// Whatever else speaks OpenAI's chat completions, by its base_url: vLLM,
// llama.cpp, mlx-lm, OpenRouter, Groq, ...
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote_providers.h"
#include "providers/wire/openai_chat.h"

namespace abstractllm::providers {

const RemoteDefinition& openai_compatible_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "openai-compatible",
                 .base_variable = "OPENAI_COMPATIBLE_BASE_URL",
                 .key_variable = "OPENAI_COMPATIBLE_API_KEY"},
      .aliases = {"openai_compatible", "vllm", "llama-cpp"},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kEmbeddings, kStructuredOutput, kLogprobs},
      .dialect =
          [] {
            return openai_chat_dialect(
                {.column = ParameterColumn::kOpenAICompatible,
                 .reasoning_field = "reasoning_content",
                 .takes_raw_prompt = true});
          },
      .embed = &embed_as_openai};
  return definition;
}

}  // namespace abstractllm::providers
