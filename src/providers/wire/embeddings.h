// Vectors out of the answers of services.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/embedding.h"

namespace abstractllm::providers {

/// A list of numbers. Throws ProviderAPIError for anything else.
std::vector<float> read_vector(const nlohmann::ordered_json& list,
                               const std::string& provider);

/// {"data": [{"index", "embedding"}], "usage"}, put in the order of the
/// inputs.
EmbeddingResponse read_openai_embeddings(std::string_view body,
                                         const std::string& provider);

/// {"embeddings": [[...]], "prompt_eval_count"}.
EmbeddingResponse read_ollama_embeddings(std::string_view body);

/// [[...], ...].
EmbeddingResponse read_plain_embeddings(std::string_view body,
                                        const std::string& provider);

}  // namespace abstractllm::providers
