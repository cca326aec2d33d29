// Aligned memory from the system, in large pages.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/aligned_buffer.h"

#include <cstdlib>
#include <string>

#include "abstractllm/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace abstractllm::ops::cpu {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;

}  // namespace

void AlignedBuffer::Free::operator()(std::byte* data) const noexcept {
  std::free(data);
}

void AlignedBuffer::resize(std::size_t bytes) {
  if (bytes <= capacity_) return;
  const bool large = bytes >= 4 * kLargePage;
  const std::size_t alignment = large ? kLargePage : kLine;
  const std::size_t rounded = (bytes + kLine - 1) / kLine * kLine;
  data_.reset();
  capacity_ = 0;
  void* memory = nullptr;
  if (rounded < bytes || posix_memalign(&memory, alignment, rounded) != 0) {
    throw MemoryExceededError(
        "[cpu] no memory for a buffer of " + std::to_string(bytes) + " bytes",
        "use a smaller model or a shorter context");
  }
#if defined(__linux__)
  if (large) madvise(memory, rounded, MADV_HUGEPAGE);  // a hint: may fail
#endif
  data_ = std::unique_ptr<std::byte[], Free>(static_cast<std::byte*>(memory),
                                             Free{});
  capacity_ = rounded;
}

}  // namespace abstractllm::ops::cpu
