// Where the repository lies, for tests that read what is committed with them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace abstractllm::test {

/// The root of the source tree. A function and not a macro of every file, so
/// that only one object file depends on the place of the clone and a compiler
/// cache serves the others to every clone.
std::filesystem::path source_folder();

}  // namespace abstractllm::test
