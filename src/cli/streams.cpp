// Reading and writing file descriptors, with errors as exceptions.
// SPDX-License-Identifier: Apache-2.0
#include "cli/streams.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "abstractllm/error.h"

namespace abstractllm::cli {

void FileOutput::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      throw BrokenPipe();
    } else if (errno != EINTR) {
      throw FileProcessingError(
          fmt::format("[output] cannot write to {}: {}", name_,
                      std::generic_category().message(errno)));
    }
  }
}

std::size_t FileInput::read(char* buffer, std::size_t size) {
  while (true) {
    const ssize_t count = ::read(descriptor_, buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EBADF) return 0;
    if (errno != EINTR) {
      throw FileProcessingError(
          fmt::format("[input] cannot read {}: {}", name_,
                      std::generic_category().message(errno)));
    }
  }
}

std::string read_all(Input& input, std::size_t limit, std::string_view name) {
  constexpr std::size_t kStep = 64 * 1024;
  std::string bytes;
  while (true) {
    const std::size_t filled = bytes.size();
    bytes.resize(filled + kStep);
    const std::size_t count = input.read(bytes.data() + filled, kStep);
    bytes.resize(filled + count);
    if (count == 0) return bytes;
    if (bytes.size() > limit) {
      throw InvalidRequestError(
          fmt::format("[input] {} has more than {} bytes", name, limit));
    }
  }
}

}  // namespace abstractllm::cli
