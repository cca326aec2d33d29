// Fixtures of embedding models.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "golden/golden.h"

namespace abstractllm::golden {

/// Compares token ids, last hidden states and vectors with the reference: text
/// by text, and all texts at once. Throws what the model throws.
void run_embedding_fixture(const std::filesystem::path& folder,
                           const nlohmann::json& reference,
                           const GoldenOptions& options, GoldenResult& result);

}  // namespace abstractllm::golden
