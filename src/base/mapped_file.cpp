// Memory mapping over POSIX mmap.
// SPDX-License-Identifier: Apache-2.0
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::base {
namespace {

[[noreturn]] void throw_unreadable(const std::filesystem::path& path,
                                   const std::string& reason) {
  throw FileProcessingError("[file] cannot read " + path.string() + ": " +
                            reason);
}

std::string system_reason(int code) {
  return std::generic_category().message(code);
}

/// Closes the descriptor; the mapping outlives it.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

// `outward` widens the range to whole pages; else it shrinks to them.
void advise(std::span<const std::byte> file, std::span<const std::byte> range,
            int advice, bool outward) noexcept {
  if (range.empty() || range.data() < file.data() ||
      range.data() + range.size() > file.data() + file.size()) {
    return;
  }
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto first = reinterpret_cast<std::uintptr_t>(range.data());
  auto last = first + range.size();
  if (outward) {
    first -= first % page;
  } else {
    first += (page - first % page) % page;
    // The last page of the file is ours alone, even where it is not full.
    if (range.data() + range.size() != file.data() + file.size()) {
      last -= last % page;
    }
  }
  if (first < last) {
    ::madvise(reinterpret_cast<void*>(first), last - first, advice);
  }
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(
    const std::filesystem::path& path) {
  const Descriptor file(path);
  if (file.value() < 0) throw_unreadable(path, system_reason(errno));
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) {
    throw_unreadable(path, system_reason(errno));
  }
  if (S_ISDIR(status.st_mode)) throw_unreadable(path, "it is a directory");
  if (!S_ISREG(status.st_mode)) throw_unreadable(path, "not a regular file");

  const auto size = static_cast<std::uintmax_t>(status.st_size);
  if (size == 0) {
    return std::shared_ptr<const MappedFile>(new MappedFile(path, {}));
  }
  if (size > std::numeric_limits<std::size_t>::max()) {
    throw_unreadable(path, "too large for this machine's address space");
  }
  void* start = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ,
                       MAP_SHARED, file.value(), 0);
  if (start == MAP_FAILED) throw_unreadable(path, system_reason(errno));
  return std::shared_ptr<const MappedFile>(new MappedFile(
      path,
      {static_cast<const std::byte*>(start), static_cast<std::size_t>(size)}));
}

std::shared_ptr<const MappedFile> MappedFile::in_memory(
    std::span<const std::byte> bytes, const std::filesystem::path& path) {
  auto memory = std::make_unique<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), memory.get());
  std::shared_ptr<MappedFile> file(
      new MappedFile(path, {memory.get(), bytes.size()}));
  file->memory_ = std::move(memory);
  return file;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty() && memory_ == nullptr) {
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
}

void MappedFile::advise_sequential() const noexcept {
  if (memory_ == nullptr) advise(bytes_, bytes_, MADV_SEQUENTIAL, true);
}

void MappedFile::advise_willneed(
    std::span<const std::byte> range) const noexcept {
  if (memory_ == nullptr) advise(bytes_, range, MADV_WILLNEED, true);
}

void MappedFile::advise_dontneed(
    std::span<const std::byte> range) const noexcept {
  // Of memory that backs no file this would erase the bytes.
  if (memory_ == nullptr) advise(bytes_, range, MADV_DONTNEED, false);
}

}  // namespace abstractllm::base
