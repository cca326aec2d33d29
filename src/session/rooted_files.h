// Reading files below one folder and nowhere else.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::session {

/// Immutable; thread-safe. Paths are relative to the root. Absolute paths,
/// "..", and symbolic links on the way are refused: the folders are opened one
/// by one without following links, so that nothing can be exchanged between a
/// check and its use. All throw FileProcessingError.
class RootedFiles {
 public:
  /// `root` is a folder; a link to one is followed here.
  explicit RootedFiles(const std::filesystem::path& root);
  ~RootedFiles();
  RootedFiles(const RootedFiles&) = delete;
  RootedFiles& operator=(const RootedFiles&) = delete;

  /// The text of a regular file of valid UTF-8, at most `max_bytes` of it.
  std::string read(std::string_view path, std::size_t max_bytes) const;

  /// Names in a folder, sorted, folders with a slash at the end.
  std::vector<std::string> list(std::string_view path,
                                std::size_t max_entries) const;

 private:
  int root_ = -1;
};

}  // namespace abstractllm::session
