// Hugging Face's inference router: chat completions of many services behind
// one address.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "providers/remote_providers.h"
#include "providers/wire/embeddings.h"
#include "providers/wire/json.h"
#include "providers/wire/openai_chat.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

// Embeddings are a pipeline of the model, beside the chat's protocol.
EmbeddingResponse embed(const Endpoint& endpoint, const std::string& model,
                        const EmbeddingRequest& request) {
  if (request.dimensions) {
    refuse_feature("shortened embeddings", endpoint.id(),
                   "Leave dimensions out.");
  }
  Json body{{"inputs", request.inputs}, {"truncate", request.truncate}};
  if (request.prompt_name) body["prompt_name"] = *request.prompt_name;
  return read_plain_embeddings(endpoint.ask("/../hf-inference/models/" + model +
                                                "/pipeline/feature-extraction",
                                            dump(body), request.cancel, model),
                               endpoint.id());
}

}  // namespace

const RemoteDefinition& huggingface_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "huggingface",
                 .base_url = "https://router.huggingface.co"
                             "/v1",
                 .base_variable = "HUGGINGFACE_BASE_URL",
                 .key_variable = "HF_TOKEN",
                 .other_key_variable = "HUGGINGFACE_API_KEY",
                 .needs_key = true},
      .aliases = {"hf"},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kEmbeddings, kStructuredOutput, kLogprobs},
      .dialect =
          [] {
            return openai_chat_dialect(
                {.column = ParameterColumn::kHuggingFace});
          },
      .embed = &embed};
  return definition;
}

}  // namespace abstractllm::providers
