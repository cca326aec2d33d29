// Appending, checking, renaming.
// SPDX-License-Identifier: Apache-2.0
#include "hub/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::hub {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

}  // namespace

void PartialFile::fail(std::string_view what, int reason) const {
  const std::string message = fmt::format(
      "[hub] cannot {} {}: {}", what, path_.string(), std::strerror(reason));
  if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG) {
    throw ResourceExceededError(
        message,
        "Make room there and pull again: what has arrived is kept. HF_HOME or "
        "HF_HUB_CACHE moves the cache elsewhere.");
  }
  throw FileProcessingError(message);
}

PartialFile::PartialFile(std::filesystem::path path, ExpectedFile expected)
    : path_(std::move(path)), expected_(std::move(expected)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("open", errno);
  try {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0) fail("look at", errno);
    size_ = static_cast<std::uint64_t>(facts.st_size);
    // Without a size nobody could tell where the rest begins.
    if (!expected_.size || size_ > *expected_.size) restart();
    start_digest();
    read_digest();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

PartialFile::~PartialFile() { ::close(descriptor_); }

void PartialFile::start_digest() {
  digest_.reset();
  // A git object's digest begins with its size.
  const bool is_known = EtagDigest::knows(expected_.etag) &&
                        (expected_.size || expected_.etag.size() == 64);
  if (is_known) digest_.emplace(expected_.etag, expected_.size.value_or(0));
}

void PartialFile::read_digest() {
  if (!digest_) return;
  std::vector<char> buffer(kReadBytes);
  for (std::uint64_t at = 0; at < size_;) {
    const ssize_t got = ::pread(descriptor_, buffer.data(), buffer.size(),
                                static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("read", got < 0 ? errno : EIO);
    digest_->update({buffer.data(), static_cast<std::size_t>(got)});
    at += static_cast<std::uint64_t>(got);
  }
}

void PartialFile::append(std::string_view bytes) {
  if (expected_.size && bytes.size() > *expected_.size - size_) {
    throw ProviderAPIError(
        fmt::format("[hub] {} has more than the {} bytes it was said to have",
                    expected_.name, *expected_.size),
        "The file may have changed meanwhile; pull again.", "hub");
  }
  if (digest_) digest_->update(bytes);
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(),
                                 static_cast<off_t>(size_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("write to", errno);
    size_ += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void PartialFile::restart() {
  if (::ftruncate(descriptor_, 0) != 0 && errno != EINVAL) {
    fail("shorten", errno);
  }
  size_ = 0;
  start_digest();
}

bool PartialFile::check(std::string& why) {
  if (expected_.size && size_ != *expected_.size) {
    why = fmt::format("{} has {} bytes, not {}", expected_.name, size_,
                      *expected_.size);
    return false;
  }
  if (!digest_) return true;
  const std::string found = digest_->finish();
  digest_.reset();
  if (found == expected_.etag) return true;
  why = fmt::format("{}: the {} of what arrived is {}, not {}", expected_.name,
                    found.size() == 64 ? "SHA-256" : "git object id", found,
                    expected_.etag);
  return false;
}

void PartialFile::move_to(const std::filesystem::path& path) {
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) {
    fail("flush", errno);
  }
  if (::rename(path_.c_str(), path.c_str()) != 0) fail("rename", errno);
}

}  // namespace abstractllm::hub
