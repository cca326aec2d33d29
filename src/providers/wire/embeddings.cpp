// Vectors are checked number by number: nothing stands in for one.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/embeddings.h"

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "providers/wire/json.h"

namespace abstractllm::providers {
namespace {

[[noreturn]] void fail(const std::string& provider) {
  throw ProviderAPIError(
      "[" + provider + "] the service's answer has no list of vectors",
      "Does the model make embeddings?", provider);
}

}  // namespace

std::vector<float> read_vector(const Json& list, const std::string& provider) {
  if (!list.is_array() || list.empty()) fail(provider);
  std::vector<float> vector;
  vector.reserve(list.size());
  for (const Json& number : list) {
    if (!number.is_number()) fail(provider);
    vector.push_back(number.get<float>());
  }
  return vector;
}

EmbeddingResponse read_openai_embeddings(std::string_view body,
                                         const std::string& provider) {
  const Json json = parse_wire_json(body, provider);
  const Json& data = member(json, "data");
  if (!data.is_array()) fail(provider);
  EmbeddingResponse response;
  response.vectors.resize(data.size());
  std::size_t position = 0;
  for (const Json& each : data) {
    const Json& index = member(each, "index");
    const std::size_t at =
        index.is_number_unsigned() ? index.get<std::size_t>() : position;
    if (at >= data.size() || !response.vectors[at].empty()) fail(provider);
    response.vectors[at] = read_vector(member(each, "embedding"), provider);
    ++position;
  }
  response.model = text_at(json, "model");
  response.usage.prompt_tokens = int_at(member(json, "usage"), "prompt_tokens");
  return response;
}

EmbeddingResponse read_ollama_embeddings(std::string_view body) {
  const Json json = parse_wire_json(body, "ollama");
  const Json& list = member(json, "embeddings");
  if (!list.is_array()) fail("ollama");
  EmbeddingResponse response;
  for (const Json& each : list) {
    response.vectors.push_back(read_vector(each, "ollama"));
  }
  response.model = text_at(json, "model");
  response.usage.prompt_tokens = int_at(json, "prompt_eval_count");
  return response;
}

EmbeddingResponse read_plain_embeddings(std::string_view body,
                                        const std::string& provider) {
  const Json json = parse_wire_json(body, provider);
  if (!json.is_array()) fail(provider);
  EmbeddingResponse response;
  for (const Json& each : json) {
    response.vectors.push_back(read_vector(each, provider));
  }
  return response;
}

}  // namespace abstractllm::providers
