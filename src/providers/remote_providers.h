// The remote providers that come with the library, one file each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "providers/remote.h"

namespace abstractllm::providers {

const RemoteDefinition& anthropic_provider();
const RemoteDefinition& huggingface_provider();
const RemoteDefinition& lmstudio_provider();
const RemoteDefinition& ollama_provider();
const RemoteDefinition& openai_provider();
const RemoteDefinition& openai_compatible_provider();
const RemoteDefinition& openai_responses_provider();

/// POST /embeddings, as OpenAI's protocol has it.
EmbeddingResponse embed_as_openai(const Endpoint& endpoint,
                                  const std::string& model,
                                  const EmbeddingRequest& request);

}  // namespace abstractllm::providers
