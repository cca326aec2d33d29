// Runs a vision fixture and compares features and logits with its reference.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "golden/golden.h"

namespace abstractllm::golden {

struct VisionResult {
  GoldenResult text;  ///< logits and tokens, as of other fixtures
  double max_feature_difference = 0;
  double largest_feature = 0;
};

/// Cases alone, then all in one step. Never throws.
VisionResult run_vision_fixture(const std::filesystem::path& folder,
                                const GoldenOptions& options);

}  // namespace abstractllm::golden
