// Memory for kernels: 64-byte aligned, not initialised, reused.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace abstractllm::ops::cpu {

/// Uninitialised bytes at a multiple of 64. Buffers of many megabytes ask the
/// system for large pages, which saves page faults and address look-ups while
/// weights stream through. Movable; one thread at a time.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes) { resize(bytes); }

  /// Makes room for at least `bytes`; the contents are lost if it must grow.
  /// Throws MemoryExceededError.
  void resize(std::size_t bytes);

  std::byte* data() noexcept { return data_.get(); }
  const std::byte* data() const noexcept { return data_.get(); }
  std::size_t capacity() const noexcept { return capacity_; }

  template <typename T>
  T* as() noexcept {
    return reinterpret_cast<T*>(data_.get());
  }
  template <typename T>
  const T* as() const noexcept {
    return reinterpret_cast<const T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace abstractllm::ops::cpu
