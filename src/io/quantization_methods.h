// `quantization_config` as each quantiser writes it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/quantization_config.h"

namespace abstractllm::io {

/// Who wrote `entry`, in small letters: its quant_method, or what its fields
/// tell where it has none; "mlx" for MLX's, empty where nothing is quantised.
std::string quantization_method(const JsonConfig& entry);

/// REQUIRES: `method` is quantization_method(entry), neither "mlx" nor empty.
/// Throws UnsupportedModelError naming what cannot be read.
PackedRules read_packed_rules(const JsonConfig& entry,
                              const std::string& method);

}  // namespace abstractllm::io
