// Schemas in the form that services take for their structured output.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "abstractllm/request.h"

namespace abstractllm::providers {

/// `schema` with "additionalProperties": false in each object that has
/// properties and says nothing of others: OpenAI and Anthropic refuse objects
/// that are open. Unchanged where a keyword puts schemas together, since the
/// parts would shut each other out.
nlohmann::ordered_json closed_for_services(nlohmann::ordered_json schema);

/// Whether OpenAI's strict mode takes `schema`: an object at the root; objects
/// closed, all their properties required; no keyword beyond its subset.
bool fits_strict_mode(const nlohmann::ordered_json& schema);

/// {"name", "schema", "strict"} as OpenAI's protocols have them: strict and
/// closed where the schema can be, else as it stands. Throws
/// InvalidRequestError for a schema that is no JSON object. REQUIRES: the kind
/// of `format` is kJsonSchema.
nlohmann::ordered_json named_schema(const ResponseFormat& format,
                                    const std::string& provider);

}  // namespace abstractllm::providers
