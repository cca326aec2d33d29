// Aligned memory from the system, in large pages.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/aligned_buffer.h"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "abstractllm/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace abstractllm::ops::cpu {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;

// Aligned memory, in large pages if wished; null if there is none.
std::byte* system_memory(std::size_t alignment, std::size_t bytes, bool large) {
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) return nullptr;
#if defined(__linux__)
  if (large) madvise(memory, bytes, MADV_HUGEPAGE);  // a hint: may fail
#else
  static_cast<void>(large);
#endif
  return static_cast<std::byte*>(memory);
}

// Parts of large pages, for the many buffers of a long context's caches: in
// pages of 4 kB they are more than a processor knows addresses of, and looking
// them up takes as long as reading them. Thread-safe.
class LargePageParts {
 public:
  // Never destroyed: buffers may live longer than what is static.
  static LargePageParts& of_process() {
    static auto* const parts = new LargePageParts;
    return *parts;
  }

  // Null where a buffer of its own does as well.
  std::byte* take(std::size_t bytes) {
    if (bytes < kSmallest || bytes > kLargest ||
        kLargePage % bytes > kLargePage / 8) {
      return nullptr;
    }
    const std::lock_guard lock(mutex_);
    // Whole pages are touched at once, so that a few buffers would take more
    // memory than they use.
    asked_ += bytes;
    if (asked_ < kWorthwhile) return nullptr;
    for (auto& [address, page] : pages_) {
      if (page.part_bytes != bytes || page.unused.empty()) continue;
      std::byte* part = page.unused.back();
      page.unused.pop_back();
      return part;
    }
    std::byte* memory = system_memory(kLargePage, kLargePage, true);
    if (memory == nullptr) return nullptr;
    Page& page = pages_[reinterpret_cast<std::uintptr_t>(memory)];
    page.part_bytes = bytes;
    page.unused.reserve(kLargePage / bytes);
    for (std::size_t at = bytes; at + bytes <= kLargePage; at += bytes) {
      page.unused.push_back(memory + at);
    }
    return memory;
  }

  // False if it is no part.
  bool give_back(std::byte* part) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(part);
    const std::uintptr_t first = address / kLargePage * kLargePage;
    const std::lock_guard lock(mutex_);
    const auto it = pages_.find(first);
    if (it == pages_.end()) return false;
    Page& page = it->second;
    page.unused.push_back(part);
    if (page.unused.size() == kLargePage / page.part_bytes) {
      pages_.erase(it);
      std::free(reinterpret_cast<void*>(first));
    }
    return true;
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{64} << 10;
  static constexpr std::size_t kLargest = kLargePage / 2;
  static constexpr std::size_t kWorthwhile = std::size_t{16} << 20;
  struct Page {
    std::size_t part_bytes = 0;
    std::vector<std::byte*> unused;  // has room for all
  };
  std::mutex mutex_;
  std::size_t asked_ = 0;
  std::map<std::uintptr_t, Page> pages_;  // by address
};

}  // namespace

void AlignedBuffer::Free::operator()(std::byte* data) const noexcept {
  if (!LargePageParts::of_process().give_back(data)) std::free(data);
}

void AlignedBuffer::resize(std::size_t bytes) {
  if (bytes <= capacity_) return;
  const bool large = bytes >= 4 * kLargePage;
  const std::size_t rounded = (bytes + kLine - 1) / kLine * kLine;
  data_.reset();
  capacity_ = 0;
  std::byte* memory = nullptr;
  if (rounded >= bytes) memory = LargePageParts::of_process().take(rounded);
  if (rounded >= bytes && memory == nullptr) {
    memory = system_memory(large ? kLargePage : kLine, rounded, large);
  }
  if (memory == nullptr) {
    throw MemoryExceededError(
        "[cpu] no memory for a buffer of " + std::to_string(bytes) + " bytes",
        "use a smaller model or a shorter context");
  }
  data_ = std::unique_ptr<std::byte[], Free>(memory, Free{});
  capacity_ = rounded;
}

}  // namespace abstractllm::ops::cpu
