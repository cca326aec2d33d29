// Kernels as graph nodes: their inputs, and the clock that counts their time.
// SPDX-License-Identifier: Apache-2.0
#include "ops/host_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "ops/cpu_state.h"

namespace abstractllm::ops::testing {
namespace {

namespace mx = mlx::core;
using std::chrono::milliseconds;

std::shared_ptr<CpuState> one_thread() {
  return std::make_shared<CpuState>(
      1, CpuPrecision{cpu::Precision::kExact, cpu::Precision::kExact});
}

// Keeps the processor busy, so that the test needs no sleep.
void work_for(milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

mx::array busy_node(const std::shared_ptr<CpuState>& cpu,
                    std::vector<mx::array> inputs, milliseconds time) {
  return host_kernel(cpu, "Busy", {1}, std::move(inputs),
                     [time](auto /*inputs*/, float* output) {
                       work_for(time);
                       *output = 1;
                     });
}

TEST(HostKernel, TheClockCountsTheTimeOfEveryKernel) {
  const auto cpu = one_thread();
  const mx::array first = busy_node(cpu, {}, milliseconds(2));
  const mx::array second = busy_node(cpu, {first}, milliseconds(3));
  EXPECT_EQ(cpu->clock.total().count(), 0) << "a graph alone runs nothing";
  const auto start = std::chrono::steady_clock::now();
  mx::eval(second);
  const auto wall = std::chrono::steady_clock::now() - start;
  EXPECT_GE(cpu->clock.total(), milliseconds(5));
  EXPECT_LE(cpu->clock.total(), wall);
}

TEST(HostKernel, WhatRunsOutsideOfKernelsIsNotCounted) {
  const auto cpu = one_thread();
  mx::array x = busy_node(cpu, {}, milliseconds(1));
  mx::eval(x);
  const auto before = cpu->clock.total();
  mx::eval(mx::add(x, x));
  work_for(milliseconds(1));
  EXPECT_EQ(cpu->clock.total(), before);
}

TEST(HostKernel, ReadsOtherTypesAndViewsAsRowsOfFloats) {
  const mx::array numbers =
      mx::transpose(mx::reshape(mx::arange(6, mx::int32), {2, 3}));
  const mx::array copied = host_kernel(
      one_thread(), "Copy", {6}, {numbers},
      [](auto inputs, float* output) { std::copy_n(inputs[0], 6, output); });
  mx::array result = copied;
  mx::eval(result);
  const std::vector<float> expected{0, 3, 1, 4, 2, 5};
  EXPECT_EQ(std::vector<float>(result.data<float>(), result.data<float>() + 6),
            expected);
}

TEST(HostKernel, KeepsItsStateUntilItHasRun) {
  auto cpu = one_thread();
  const std::weak_ptr<CpuState> watched = cpu;
  mx::array x = busy_node(cpu, {}, milliseconds(0));
  cpu.reset();
  EXPECT_FALSE(watched.expired());
  mx::eval(x);
  EXPECT_EQ(x.item<float>(), 1);
}

}  // namespace
}  // namespace abstractllm::ops::testing
