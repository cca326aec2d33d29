// Whether a folder may be made, or made anew, in a place.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace abstractllm::convert {

/// Throws InvalidParameterError where no folder is named, and
/// FileProcessingError where `output` is there already: an empty folder is
/// written to, a model's only with `force`, and nothing is replaced that has
/// other files than a conversion writes. `model`: the folder or file that is
/// converted, whose own files count as such.
void check_output(const std::filesystem::path& output,
                  const std::filesystem::path& model, bool force);

}  // namespace abstractllm::convert
