// config.json, whatever its authors called its parts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "io/json_config.h"

namespace abstractllm::io {

/// The config.json at `path`; a text model under an older name stands under
/// "text_config", too. Throws what JsonConfig::load throws.
JsonConfig load_model_config(const std::filesystem::path& path);

}  // namespace abstractllm::io
