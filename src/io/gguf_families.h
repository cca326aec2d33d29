// What single architectures say in GGUF in their own way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "io/gguf_fields.h"
#include "io/gguf_names.h"

namespace abstractllm::io {

/// Adds to `config`, which has what all architectures share, the fields that
/// config.json of this one has beside. Throws ModelLoadingError.
void add_family_fields(const GgufFields& fields,
                       const GgufArchitecture& architecture,
                       nlohmann::json& config);

}  // namespace abstractllm::io
