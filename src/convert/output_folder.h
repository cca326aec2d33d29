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

/// Throws InvalidParameterError if `output` is the folder of `model`: what is
/// read would be replaced.
void refuse_own_source(const std::filesystem::path& output,
                       const std::filesystem::path& model);

/// While it lives, no other conversion in any process writes to `output`: a
/// locked file beside it says so. One thread at a time.
class OutputLock {
 public:
  /// Throws FileProcessingError if another one does.
  explicit OutputLock(const std::filesystem::path& output);
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace abstractllm::convert
