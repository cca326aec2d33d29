// Metadata of GGUF files that fields of a config take as they are.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "io/gguf_fields.h"

namespace abstractllm::io {

/// Each sets `field` to what `name` says; without that it does nothing.
void copy_number(const GgufFields& fields, const char* name,
                 nlohmann::json& config, const char* field);

void copy_size(const GgufFields& fields, const char* name,
               nlohmann::json& config, const char* field);

void copy_bool(const GgufFields& fields, const char* name,
               nlohmann::json& config, const char* field);

}  // namespace abstractllm::io
