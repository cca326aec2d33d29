// Embeddings of OpenAI's protocol, which others speak too.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "providers/remote_providers.h"
#include "providers/wire/embeddings.h"
#include "providers/wire/json.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {

namespace {

// The protocol has no fields for them.
void refuse_embedding_options(const EmbeddingRequest& request,
                              const std::string& provider) {
  if (request.prompt_name) {
    refuse_feature("prompt_name", provider, "Put the prompt into the inputs.");
  }
  if (request.truncate) {
    refuse_feature("truncate", provider, "Shorten the inputs.");
  }
}

}  // namespace

EmbeddingResponse embed_as_openai(const Endpoint& endpoint,
                                  const std::string& model,
                                  const EmbeddingRequest& request) {
  refuse_embedding_options(request, endpoint.id());
  Json body{{"model", model},
            {"input", request.inputs},
            {"encoding_format", "float"}};
  if (request.dimensions) body["dimensions"] = *request.dimensions;
  return read_openai_embeddings(
      endpoint.ask("/embeddings", dump(body), request.cancel, model),
      endpoint.id());
}

}  // namespace abstractllm::providers
