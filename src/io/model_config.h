// config.json, whatever its authors called its parts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "io/json_config.h"

namespace abstractllm::io {

/// The config.json at `path`, with what a quantiser has written beside it
/// (with_quantization_file); a text model under an older name stands under
/// "text_config", too, and a model_type from before its code came to
/// transformers ("RefinedWebModel", "stablelm_epoch") is today's, with the
/// fields that were renamed. Throws what JsonConfig::load throws.
JsonConfig load_model_config(const std::filesystem::path& path);

}  // namespace abstractllm::io
