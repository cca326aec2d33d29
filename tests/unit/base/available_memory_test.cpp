// What the kernel's texts say of free memory.
// SPDX-License-Identifier: Apache-2.0
#include "base/available_memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace abstractllm::base {
namespace {

TEST(AvailableMemory, ReadsMeminfo) {
  EXPECT_EQ(parse_available("MemTotal:  9 kB\nMemAvailable:    2048 kB\n"),
            2048u * 1024);
  for (const char* text :
       {"", "MemAvailable:", "MemAvailable: x kB", "MemAvailable: -1 kB",
        "MemAvailable: 99999999999999999999999 kB",
        "MemAvailable: 18446744073709551615 kB"}) {
    EXPECT_EQ(parse_available(text), std::nullopt) << text;
  }
}

class MemoryGroups : public testing::Test {
 protected:
  MemoryGroups() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "memory-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~MemoryGroups() override { std::filesystem::remove_all(root_); }

  void write(const std::string& group, const std::string& most,
             const std::string& used) const {
    std::filesystem::create_directories(root_ / group);
    std::ofstream(root_ / group / "memory.max") << most;
    std::ofstream(root_ / group / "memory.current") << used;
  }

  std::filesystem::path root_;
};

TEST_F(MemoryGroups, TheTightestOnTheWayUpCounts) {
  write("a", "1000\n", "400\n");
  write("a/b", "max\n", "100\n");
  EXPECT_EQ(cgroup_memory_left(root_, "0::/a/b\n"), 600u);
  write("a/b", "300\n", "100\n");
  EXPECT_EQ(cgroup_memory_left(root_, "1:cpu:/x\n0::/a/b\n"), 200u);
  write("a/b", "100\n", "300\n");
  EXPECT_EQ(cgroup_memory_left(root_, "0::/a/b\n"), 0u);
}

TEST_F(MemoryGroups, WithoutALimitThereIsNone) {
  write("a", "max\n", "100\n");
  EXPECT_EQ(cgroup_memory_left(root_, "0::/a\n"), std::nullopt);
  EXPECT_EQ(cgroup_memory_left(root_, "0::/elsewhere\n"), std::nullopt);
  EXPECT_EQ(cgroup_memory_left(root_, "4:memory:/a\n"), std::nullopt);
  EXPECT_EQ(cgroup_memory_left(root_, ""), std::nullopt);
}

TEST(AvailableMemory, IsSomethingHere) { EXPECT_GT(available_memory(), 0u); }

}  // namespace
}  // namespace abstractllm::base
