// One openat a folder, none of which follows a link.
// SPDX-License-Identifier: Apache-2.0
#include "session/rooted_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "base/utf8.h"

namespace abstractllm::session {
namespace {

[[noreturn]] void fail(std::string_view path, std::string_view why) {
  throw FileProcessingError(fmt::format(
      "[files] '{}': {}",
      // A NUL would end the message.
      base::replace_invalid_utf8(path.substr(0, path.find('\0'))), why));
}

[[noreturn]] void fail(std::string_view path, int error) {
  fail(path, error == ELOOP ? "links are not followed"
                            : std::generic_category().message(error));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept
      : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  int value() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

std::vector<std::string> steps_of(std::string_view path) {
  if (path.starts_with('/')) fail(path, "absolute paths are refused");
  if (path.find('\0') != std::string_view::npos) fail(path, "not a path");
  std::vector<std::string> steps;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view step = rest.substr(0, slash);
    if (step == "..") fail(path, "'..' is refused");
    if (!step.empty() && step != ".") steps.emplace_back(step);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return steps;
}

Descriptor open_below(int root, std::string_view path, bool folder) {
  const std::vector<std::string> steps = steps_of(path);
  // A pipe must not block, and a terminal not become ours.
  constexpr int kFlags =
      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  Descriptor at(::openat(root, ".", kFlags | O_DIRECTORY));
  if (at.value() < 0) fail(path, errno);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool is_folder = folder || i + 1 < steps.size();
    Descriptor next(::openat(at.value(), steps[i].c_str(),
                             is_folder ? kFlags | O_DIRECTORY : kFlags));
    if (next.value() < 0) {
      const int error = errno;
      struct stat status {};
      // O_DIRECTORY says of a link that it is no folder.
      const bool link = ::fstatat(at.value(), steps[i].c_str(), &status,
                                  AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISLNK(status.st_mode);
      fail(path, link ? ELOOP : error);
    }
    at = std::move(next);
  }
  return at;
}

}  // namespace

RootedFiles::RootedFiles(const std::filesystem::path& root)
    : root_(::open(root.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY)) {
  if (root_ < 0) fail(root.string(), errno);
}

RootedFiles::~RootedFiles() { ::close(root_); }

std::string RootedFiles::read(std::string_view path,
                              std::size_t max_bytes) const {
  const Descriptor file = open_below(root_, path, false);
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) fail(path, errno);
  if (S_ISDIR(status.st_mode)) fail(path, EISDIR);
  if (!S_ISREG(status.st_mode)) fail(path, "not a regular file");
  std::string text(max_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count =
        ::read(file.value(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  const bool cut = size > max_bytes;
  text.resize(std::min(size, max_bytes));
  const std::size_t valid = base::valid_utf8_prefix(text);
  // A character may stand on the cut.
  if (text.size() - valid > (cut ? 3u : 0u)) fail(path, "not UTF-8 text");
  text.resize(valid);
  if (cut) {
    text += fmt::format("\n[the first {} of {} bytes]", valid,
                        static_cast<std::int64_t>(status.st_size));
  }
  return text;
}

std::vector<std::string> RootedFiles::list(std::string_view path,
                                           std::size_t max_entries) const {
  Descriptor folder = open_below(root_, path, true);
  DIR* stream = ::fdopendir(folder.value());
  if (stream == nullptr) fail(path, errno);
  folder.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status {};
    const bool is_folder = ::fstatat(::dirfd(stream), name.c_str(), &status,
                                     AT_SYMLINK_NOFOLLOW) == 0 &&
                           S_ISDIR(status.st_mode);
    names.push_back(is_folder ? name + "/" : name);
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  if (names.size() > max_entries) {
    const std::size_t more = names.size() - max_entries;
    names.resize(max_entries);
    names.push_back(fmt::format("[{} more]", more));
  }
  return names;
}

}  // namespace abstractllm::session
