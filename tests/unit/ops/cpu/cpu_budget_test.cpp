// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/cpu_budget.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace abstractllm::ops::cpu {
namespace {

class CgroupTree : public ::testing::Test {
 protected:
  CgroupTree() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "cgroup-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~CgroupTree() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  std::filesystem::path root_;
};

TEST(CpuBudget, ReadsCpuMax) {
  EXPECT_EQ(parse_cpu_max("200000 100000\n"), 2.0);
  EXPECT_EQ(parse_cpu_max("50000 100000"), 0.5);
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  for (const char* text : {"", "1", "x y", "1 0", "-5 100", "100 -5"}) {
    EXPECT_EQ(parse_cpu_max(text), std::nullopt) << text;
  }
}

TEST(CpuBudget, ThreadsAreCoresUnderTheQuota) {
  EXPECT_EQ(threads_for(16, 8, std::nullopt), 8);
  EXPECT_EQ(threads_for(2, 1, std::nullopt), 2);
  EXPECT_EQ(threads_for(16, 16, 3.5), 3);
  EXPECT_EQ(threads_for(16, 16, 0.25), 1);
  EXPECT_EQ(threads_for(0, 0, std::nullopt), 1);
  EXPECT_GE(usable_threads(), 1);
}

TEST_F(CgroupTree, TheSmallestQuotaOnTheWayUpCounts) {
  write("a/cpu.max", "300000 100000");
  write("a/b/cpu.max", "max 100000");
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/a/b\n"), 3.0);
  write("a/b/cpu.max", "100000 100000");
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/a/b\n"), 1.0);
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/elsewhere\n"), std::nullopt);
}

TEST_F(CgroupTree, AContainersRootCounts) {
  write("cpu.max", "150000 100000");
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/host/path/not/seen/here\n"), 1.5);
}

TEST_F(CgroupTree, ReadsTheFirstVersionToo) {
  write("cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
  write("cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_, "3:cpuset:/\n2:cpu,cpuacct:/job\n"), 2.5);
  write("cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cgroup_cpu_quota(root_, "2:cpu,cpuacct:/job\n"), std::nullopt);
}

}  // namespace
}  // namespace abstractllm::ops::cpu
