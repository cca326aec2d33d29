// A bar on the terminal while a model loads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/streams.h"

namespace abstractllm::cli {

/// Draws over one line that never reaches the last column, and wipes it when it
/// is destroyed. update() may run on another thread than the rest, not at the
/// same time.
class ProgressBar {
 public:
  ProgressBar(Output& err, std::string label, int columns, bool color);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `share` of the work that is done, [0, 1]. Never throws.
  void update(double share) noexcept;

 private:
  Output& err_;
  std::string label_;
  int columns_;
  bool color_;
  int shown_percent_ = -1;
  std::size_t drawn_ = 0;  // columns
};

}  // namespace abstractllm::cli
