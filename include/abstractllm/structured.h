// Answers that are JSON of a given shape, from any provider.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "abstractllm/export.h"
#include "abstractllm/llm.h"

namespace abstractllm {

struct StructuredOptions {
  /// Further tries after an answer that does not fit; at least 0.
  int max_retries = 3;
};

/// A plain value.
struct StructuredResponse {
  std::string json;           ///< the value alone, as the model wrote it
  GenerateResponse response;  ///< the answer that it was found in
  Usage usage;                ///< of all tries together
  int attempts = 0;
};

/// The JSON that `request.response_format` asks for: an object, or what its
/// schema allows, an array at the root included. Where the provider has
/// structured output of its own that is used; else, and where it refuses this
/// format, the schema is told in the system prompt. Either way the answer is
/// validated; one that does not fit goes back to the model with what is wrong.
/// An answer that max_tokens cut off is asked for again with twice as many.
/// Throws GenerationError when no try was left, CancelledError,
/// InvalidRequestError for a request without messages or without a format, and
/// the provider's errors.
ABSTRACTLLM_API StructuredResponse
generate_structured(AbstractLLMInterface& llm, Request request,
                    const StructuredOptions& options = {});

}  // namespace abstractllm
