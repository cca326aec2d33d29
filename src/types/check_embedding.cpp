// Checks of an embedding request.
// SPDX-License-Identifier: Apache-2.0
#include "types/check_embedding.h"

#include <algorithm>

#include "abstractllm/error.h"

namespace abstractllm::types {

void check_embedding(const EmbeddingRequest& request,
                     const std::string& provider) {
  const bool has_empty =
      std::any_of(request.inputs.begin(), request.inputs.end(),
                  [](const std::string& input) { return input.empty(); });
  if (request.inputs.empty() || has_empty) {
    throw InvalidRequestError(
        "[" + provider + "] there is no text, or an empty one, to embed",
        "Give texts that are not empty.", provider);
  }
  if (request.dimensions.value_or(1) < 1) {
    throw InvalidRequestError("[" + provider + "] dimensions is " +
                                  std::to_string(*request.dimensions) +
                                  ", expected at least 1",
                              "Leave it out for all of them.", provider);
  }
}

}  // namespace abstractllm::types
