// The place that CMake was called for.
// SPDX-License-Identifier: Apache-2.0
#include "support/source_folder.h"

namespace abstractllm::test {

std::filesystem::path source_folder() { return ABSTRACTLLM_SOURCE_DIR; }

}  // namespace abstractllm::test
