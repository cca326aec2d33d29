// When kernels run, their inputs, and the clock that counts their time.
// SPDX-License-Identifier: Apache-2.0
#include "ops/host_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include "abstractllm/error.h"
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

mx::array busy_kernel(const std::shared_ptr<CpuState>& cpu,
                      std::vector<mx::array> inputs, milliseconds time) {
  return host_kernel(cpu, "Busy", {1}, std::move(inputs),
                     [time](auto /*inputs*/, float* output) {
                       work_for(time);
                       *output = 1;
                     });
}

// Of a graph that nobody has evaluated.
mx::array lazy_number(float value) {
  return mx::add(mx::array({value}), mx::array({0.0f}));
}

mx::array doubled(const std::shared_ptr<CpuState>& cpu, const mx::array& x) {
  return host_kernel(cpu, "Double", x.shape(), {x},
                     [count = x.size()](auto inputs, float* output) {
                       for (std::size_t i = 0; i < count; ++i) {
                         output[i] = 2 * inputs[0][i];
                       }
                     });
}

TEST(HostKernel, TheClockCountsTheTimeOfEveryKernelOfAGraph) {
  const auto cpu = one_thread();
  const mx::array first = busy_kernel(cpu, {lazy_number(1)}, milliseconds(2));
  const mx::array second = busy_kernel(cpu, {first}, milliseconds(3));
  EXPECT_EQ(cpu->clock.total().count(), 0) << "a graph alone runs nothing";
  const auto start = std::chrono::steady_clock::now();
  mx::eval(second);
  const auto wall = std::chrono::steady_clock::now() - start;
  EXPECT_GE(cpu->clock.total(), milliseconds(5));
  EXPECT_LE(cpu->clock.total(), wall);
}

TEST(HostKernel, RunsAtOnceWhereItsInputsAreThere) {
  const auto cpu = one_thread();
  const mx::array first = busy_kernel(cpu, {}, milliseconds(2));
  EXPECT_TRUE(first.is_available());
  EXPECT_GE(cpu->clock.total(), milliseconds(2));
  mx::array second = doubled(cpu, first);
  EXPECT_TRUE(second.is_available());
  EXPECT_EQ(*second.data<float>(), 2);
  mx::array with_a_graph_behind = second + lazy_number(3);
  EXPECT_EQ(with_a_graph_behind.item<float>(), 5);
}

TEST(HostKernel, WaitsForAnyInputThatIsNotThere) {
  const auto cpu = one_thread();
  const mx::array ready({1.0f});
  const mx::array x = host_kernel(
      cpu, "Add", {1}, {ready, lazy_number(2)},
      [](auto inputs, float* output) { *output = *inputs[0] + *inputs[1]; });
  EXPECT_FALSE(x.is_available());
  mx::array y = doubled(cpu, x);
  EXPECT_FALSE(y.is_available());
  EXPECT_EQ(y.item<float>(), 6);
}

TEST(HostKernel, ThrowsWhereItRuns) {
  const auto cpu = one_thread();
  const auto throwing = [&cpu](const mx::array& x) {
    return host_kernel(cpu, "Throws", {1}, {x},
                       [](auto /*inputs*/, float* /*output*/) {
                         throw std::runtime_error("of the kernel");
                       });
  };
  EXPECT_THROW(throwing(mx::array({1.0f})), std::runtime_error);
  mx::array later = throwing(lazy_number(1));
  EXPECT_THROW(mx::eval(later), std::runtime_error);
}

TEST(HostKernel, ErrorsOfAGraphKeepTheirClass) {
  const auto cpu = one_thread();
  const auto throwing = [&cpu](const char* words) {
    return host_kernel(cpu, "Throws", {1}, {lazy_number(1)},
                       [words](auto /*inputs*/, float* /*output*/) {
                         throw MemoryExceededError(words, "use less");
                       });
  };
  try {
    evaluate({throwing("[cpu] no memory for 5 bytes")});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const MemoryExceededError& error) {
    EXPECT_STREQ(error.what(), "[cpu] no memory for 5 bytes");
    EXPECT_EQ(error.hint(), "use less");
  }
  EXPECT_THROW(evaluate({throwing("[cpu] again")}), MemoryExceededError);
  mx::array fine = doubled(cpu, lazy_number(4));
  evaluate({fine});
  EXPECT_EQ(*fine.data<float>(), 8);
}

TEST(HostKernel, OtherErrorsOfAGraphArriveAsTheyDo) {
  const auto cpu = one_thread();
  EXPECT_THROW(evaluate({host_kernel(cpu, "Throws", {1}, {lazy_number(1)},
                                     [](auto /*inputs*/, float* /*output*/) {
                                       throw std::logic_error("of another");
                                     })}),
               std::runtime_error);
}

TEST(HostKernel, WhatRunsOutsideOfKernelsIsNotCounted) {
  const auto cpu = one_thread();
  mx::array x = busy_kernel(cpu, {}, milliseconds(1));
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

TEST(HostKernel, ReadsEvaluatedViewsAsRowsOfFloats) {
  mx::array numbers =
      mx::transpose(mx::reshape(mx::arange(6, mx::float32), {2, 3}));
  mx::eval(numbers);
  mx::array twice = doubled(one_thread(), numbers);
  mx::eval(twice);
  const std::vector<float> expected{0, 6, 2, 8, 4, 10};
  EXPECT_EQ(std::vector<float>(twice.data<float>(), twice.data<float>() + 6),
            expected);
}

TEST(HostKernel, KeepsItsStateUntilItHasRun) {
  auto cpu = one_thread();
  const std::weak_ptr<CpuState> watched = cpu;
  mx::array x = busy_kernel(cpu, {lazy_number(1)}, milliseconds(0));
  cpu.reset();
  EXPECT_FALSE(watched.expired());
  mx::eval(x);
  EXPECT_EQ(x.item<float>(), 1);
}

}  // namespace
}  // namespace abstractllm::ops::testing
