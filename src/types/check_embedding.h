// What every provider asks of an embedding request.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "abstractllm/embedding.h"

namespace abstractllm::types {

/// Throws InvalidRequestError, naming `provider`, if there is no input, an
/// empty one, or a number of dimensions below 1.
void check_embedding(const EmbeddingRequest& request,
                     const std::string& provider);

}  // namespace abstractllm::types
