// Buffers: alignment, and that none is part of another.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::ops::cpu {
namespace {

// Sizes of which several share a large page, and others.
constexpr std::size_t kSizes[] = {1,      64,      65536,   196608,
                                  524288, 1048576, 1048640, 3 << 20};

void fill(AlignedBuffer& buffer, int value) {
  std::fill_n(buffer.data(), buffer.capacity(), static_cast<std::byte>(value));
}

bool holds(const AlignedBuffer& buffer, int value) {
  return std::all_of(buffer.data(), buffer.data() + buffer.capacity(),
                     [value](std::byte byte) {
                       return byte == static_cast<std::byte>(value);
                     });
}

// Enough for parts of large pages to be used.
void use_many(int rounds) {
  std::vector<AlignedBuffer> buffers;
  for (int i = 0; i < rounds; ++i) {
    const std::size_t bytes = kSizes[static_cast<std::size_t>(i) % 8];
    buffers.emplace_back(bytes);
    EXPECT_GE(buffers.back().capacity(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffers.back().data()) % 64, 0u);
    fill(buffers.back(), i);
    // Every third goes, and the next take its place.
    if (i % 3 == 2) {
      EXPECT_TRUE(holds(buffers[buffers.size() - 2], i - 1));
      buffers[buffers.size() - 2] = AlignedBuffer();
    }
  }
  int i = -1;
  for (const AlignedBuffer& buffer : buffers) {
    ++i;
    if (buffer.capacity() != 0) {
      EXPECT_TRUE(holds(buffer, i));
    }
  }
}

TEST(AlignedBuffer, NoneIsPartOfAnother) { use_many(96); }

TEST(AlignedBuffer, ThreadsTakeAndGiveBackAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([] { use_many(48); });
  for (std::thread& thread : threads) thread.join();
}

TEST(AlignedBuffer, GrowsAndNeverShrinks) {
  AlignedBuffer buffer(100);
  const std::byte* before = buffer.data();
  buffer.resize(50);
  EXPECT_EQ(buffer.data(), before);
  buffer.resize(1 << 20);
  EXPECT_GE(buffer.capacity(), std::size_t{1} << 20);
  fill(buffer, 3);
}

TEST(AlignedBuffer, WhatNoMachineHasIsAnError) {
  AlignedBuffer buffer;
  EXPECT_THROW(buffer.resize(std::numeric_limits<std::size_t>::max() / 2),
               MemoryExceededError);
  EXPECT_THROW(buffer.resize(std::numeric_limits<std::size_t>::max()),
               MemoryExceededError);
  EXPECT_EQ(buffer.capacity(), 0u);
}

}  // namespace
}  // namespace abstractllm::ops::cpu
