// Embeddings of OpenAI's protocol, which others speak too.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "providers/remote_providers.h"
#include "providers/wire/embeddings.h"
#include "providers/wire/json.h"

namespace abstractllm::providers {

EmbeddingResponse embed_as_openai(const Endpoint& endpoint,
                                  const std::string& model,
                                  const EmbeddingRequest& request) {
  Json body{{"model", model},
            {"input", request.inputs},
            {"encoding_format", "float"}};
  if (request.dimensions) body["dimensions"] = *request.dimensions;
  return read_openai_embeddings(
      endpoint.ask("/embeddings", dump(body), request.cancel, model),
      endpoint.id());
}

}  // namespace abstractllm::providers
