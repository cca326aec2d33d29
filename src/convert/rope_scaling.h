// Llama 3's rope scaling out of the factors that GGUF files hold.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace abstractllm::io {
class WeightSource;
}

namespace abstractllm::convert {

/// config.json's `rope_scaling`, as JSON text, that gives the factors in
/// rope_freqs.weight; nothing if there are none or no published setting does.
std::optional<std::string> llama3_scaling(const io::WeightSource& weights);

}  // namespace abstractllm::convert
