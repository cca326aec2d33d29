// Files that are written whole or not at all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace abstractllm::cli {

/// Puts `content` at `path`: beside it first, then in its place, so that a full
/// disk or a crash leaves the old file (or none) and never half of the new one.
/// A link is followed and an existing file keeps its mode. What is not a
/// regular file (a device, a pipe) is written to directly. Throws
/// FileProcessingError.
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace abstractllm::cli
