// A model wide enough for `auto` to round what prompts meet, out of a seed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace abstractllm::golden {

/// Writes config.json and model.safetensors of a Llama of two layers, 1024
/// wide, to `folder`, with weights of bf16 or, `quantised`, of 4 bits in groups
/// of 64 as MLX stores them.
void write_wide_model(const std::filesystem::path& folder, bool quantised);

}  // namespace abstractllm::golden
