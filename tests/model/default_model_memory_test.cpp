// What a model of real size takes, and gives back.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "abstractllm/abstractllm.h"

namespace abstractllm {
namespace {

// Bytes of this process that belong to no file.
std::size_t private_memory() {
  std::ifstream stream("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  std::size_t shared = 0;
  stream >> size >> resident >> shared;
  return (resident - shared) *
         static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void open_and_ask() {
  const auto llm = create_llm("mlx", {.model = DEFAULT_MODEL});
  llm->generate("Hello", {.temperature = 0.0, .max_tokens = 4});
  // The packed weights are there, or this test would show nothing.
  EXPECT_GT(private_memory(), 60U << 20);
}

// Acceptance case A25: a model that is closed gives its memory back. The first
// round also leaves what stays for the life of the process (pools, tables).
TEST(DefaultModelMemory, A25ClosingAModelGivesItsMemoryBack) {
  open_and_ask();
  const std::size_t first = private_memory();
  EXPECT_LT(first, 60U << 20);
  for (int i = 0; i < 4; ++i) open_and_ask();
  EXPECT_LT(private_memory(), first + (8U << 20));
}

}  // namespace
}  // namespace abstractllm
