// Models wide enough for `auto` to round what prompts meet, out of a seed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace abstractllm::golden {

enum class WideKind {
  kDense,     ///< a Llama
  kWindowed,  ///< a Mistral that sees 24 tokens
  kMixture,   ///< a Mixtral of 4 experts, 2 at a time
};

/// Writes config.json and model.safetensors of a model of two layers, 1024
/// wide, to `folder`, with weights of bf16 or, `quantised`, of 4 bits in groups
/// of 64 as MLX stores them (the router stays bf16).
void write_wide_model(const std::filesystem::path& folder, WideKind kind,
                      bool quantised);

}  // namespace abstractllm::golden
