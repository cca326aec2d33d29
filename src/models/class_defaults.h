// What the published configuration classes take for absent fields.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/json_config.h"

namespace abstractllm::models {

/// `config`, a text model's config.json, with the class's numbers for fields
/// that it leaves out; a null stays one. A field with two names in the class
/// has both. Not for what was made of a GGUF file, whose absent keys have
/// meanings of their own.
io::JsonConfig with_class_defaults(const io::JsonConfig& config);

}  // namespace abstractllm::models
