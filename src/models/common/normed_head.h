// Heads whose weights are scaled to length 1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/weight_reader.h"

namespace abstractllm::models {

/// What of a head, (vocabulary, hidden), gets length 1.
enum class HeadLength { kRows, kColumns };

/// The head `module` as its family computes with it.
ops::Linear read_normed_head(const WeightReader& weights,
                             const std::string& module, int vocabulary,
                             int hidden, HeadLength length);

}  // namespace abstractllm::models
