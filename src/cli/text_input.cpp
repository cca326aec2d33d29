// Text from files and pipes, with the byte that is wrong in the error.
// SPDX-License-Identifier: Apache-2.0
#include "cli/text_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "abstractllm/error.h"
#include "base/utf8.h"

namespace abstractllm::cli {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0 &&
        S_ISDIR(status.st_mode)) {
      ::close(descriptor_);
      descriptor_ = -1;
      errno = EISDIR;
    }
    if (descriptor_ < 0) {
      const int error = errno;
      throw FileProcessingError(
          fmt::format("[input] cannot open '{}': {}", path,
                      std::generic_category().message(error)),
          "Check the path, and that you may read it.");
    }
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

void require_utf8(std::string_view text, std::string_view where) {
  const std::size_t valid = base::valid_utf8_prefix(text);
  if (valid == text.size()) return;
  const bool utf16 =
      text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  throw InvalidRequestError(
      fmt::format("[input] {} is not UTF-8: byte 0x{:02x} at offset {}", where,
                  static_cast<unsigned char>(text[valid]), valid),
      fmt::format("Convert it first: iconv -f {} -t UTF-8",
                  utf16 ? "UTF-16" : "ISO-8859-1"));
}

std::string read_text(Input& input, std::string_view where) {
  std::string text = read_all(input, kMaxInputBytes, where);
  require_utf8(text, where);
  return text;
}

std::string read_text_file(const std::string& path, Input* standard_input) {
  if (path == "-" && standard_input != nullptr) {
    return read_text(*standard_input, "standard input");
  }
  const std::string where = fmt::format("'{}'", path);
  const OpenFile file(path);
  FileInput bytes(file.descriptor(), where);
  return read_text(bytes, where);
}

bool is_blank(std::string_view text) { return trimmed(text).empty(); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace abstractllm::cli
