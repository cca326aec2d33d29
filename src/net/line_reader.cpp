// Cuts a growing buffer at its line feeds.
// SPDX-License-Identifier: Apache-2.0
#include "net/line_reader.h"

#include "abstractllm/error.h"

namespace abstractllm::net {

void LineReader::push(std::string_view bytes) {
  held_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  held_.append(bytes);
  if (held_.size() > max_line_bytes_ &&
      held_.find('\n', searched_) == std::string::npos) {
    throw ProviderAPIError("[net] a line of the stream is longer than " +
                               std::to_string(max_line_bytes_) + " bytes",
                           "The service does not end its lines.");
  }
}

std::optional<std::string> LineReader::next() {
  while (true) {
    const std::size_t end = held_.find('\n', searched_);
    if (end == std::string::npos) {
      searched_ = held_.size();
      return std::nullopt;
    }
    std::string line = held_.substr(begin_, end - begin_);
    begin_ = searched_ = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) return line;
  }
}

std::optional<std::string> LineReader::finish() {
  if (auto line = next()) return line;
  std::string line = held_.substr(begin_);
  held_.clear();
  begin_ = searched_ = 0;
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return std::nullopt;
  return line;
}

}  // namespace abstractllm::net
