// What quantisers write beside config.json instead of into it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "io/json_config.h"

namespace abstractllm::io {

/// Whether a file of this name says how weights are quantised:
/// hf_quant_config.json (ModelOpt), quantize_config.json (AutoGPTQ) and
/// quant_config.json (AutoAWQ). What they say is wrong of converted weights.
bool is_quantization_file(std::string_view name);

/// `config` with a `quantization_config` from such a file in `folder`, if it
/// has neither that nor `quantization` and there is one. Throws what
/// JsonConfig::load throws.
JsonConfig with_quantization_file(JsonConfig config,
                                  const std::filesystem::path& folder);

}  // namespace abstractllm::io
