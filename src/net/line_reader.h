// Lines out of a stream of bytes, as newline-delimited JSON has them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace abstractllm::net {

/// Lines end in LF; a CR before it is dropped, and so are empty lines. However
/// the bytes are split, the lines are the same. Linear in the bytes. One
/// thread at a time.
class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = 64U << 20;

  explicit LineReader(std::size_t max_line_bytes = kMaxLineBytes)
      : max_line_bytes_(max_line_bytes) {}

  /// Takes the next bytes. Throws ProviderAPIError where more than the bound
  /// are held without a line end among them.
  void push(std::string_view bytes);

  /// The next whole line; nothing when more bytes are needed.
  std::optional<std::string> next();

  /// What stands after the last line end, as the last line.
  std::optional<std::string> finish();

 private:
  const std::size_t max_line_bytes_;
  std::string held_;
  std::size_t begin_ = 0;     // of the first line that was not handed out
  std::size_t searched_ = 0;  // no line end between begin_ and here
};

}  // namespace abstractllm::net
