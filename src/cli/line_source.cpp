// Lines from a pipe or a file.
// SPDX-License-Identifier: Apache-2.0
#include "cli/line_source.h"

#include "abstractllm/error.h"
#include "cli/text_input.h"

namespace abstractllm::cli {

Line PlainLines::next(std::string_view) {
  while (true) {
    const std::size_t end = pending_.find('\n', searched_);
    if (end != std::string::npos || (at_end_ && !pending_.empty())) {
      Line line{Line::Kind::kText, pending_.substr(0, end)};
      pending_.erase(0, end == std::string::npos ? end : end + 1);
      searched_ = 0;
      if (line.text.ends_with('\r')) line.text.pop_back();
      return line;
    }
    if (at_end_) return {Line::Kind::kEnd, {}};
    searched_ = pending_.size();
    if (pending_.size() > kMaxInputBytes) {
      throw InvalidRequestError("[chat] a line has more than " +
                                std::to_string(kMaxInputBytes) + " bytes");
    }
    char buffer[16 * 1024];
    const std::size_t count = input_.read(buffer, sizeof(buffer));
    pending_.append(buffer, count);
    at_end_ = count == 0;
  }
}

}  // namespace abstractllm::cli
