// Which precision rows get, and that it stays with the nodes of a graph.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_precision.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "ops/backend.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"

namespace abstractllm::ops::testing {
namespace {

namespace mx = mlx::core;
using cpu::Precision;

TEST(CpuPrecision, PromptsOfLargerModelsAreRounded) {
  const CpuPrecision pairs{Precision::kInt8Pair, Precision::kInt8Pair};
  const CpuPrecision rounded{Precision::kInt8, Precision::kInt8Pair};
  EXPECT_EQ(choose_cpu_precision(std::nullopt, 0), pairs);
  EXPECT_EQ(choose_cpu_precision(std::nullopt, 1023), pairs);
  EXPECT_EQ(choose_cpu_precision(std::nullopt, 1024), rounded);
  EXPECT_EQ(choose_cpu_precision(std::nullopt, 8192), rounded);
}

TEST(CpuPrecision, ExactnessIncludesTheCaches) {
  EXPECT_EQ(default_kv_type(choose_cpu_precision(std::nullopt, 64)),
            cpu::KvType::kF16);
  EXPECT_EQ(default_kv_type(choose_cpu_precision(Precision::kExact, 64)),
            cpu::KvType::kF32);
}

TEST(CpuPrecision, AWishHoldsForAllRowsAndSizes) {
  for (const Precision wish :
       {Precision::kInt8, Precision::kInt8Pair, Precision::kExact}) {
    for (const int size : {64, 4096}) {
      EXPECT_EQ(choose_cpu_precision(wish, size), (CpuPrecision{wish, wish}));
    }
  }
}

mx::array node(const std::shared_ptr<CpuState>& cpu, Precision* seen) {
  // Its input is of a graph, so it is, too.
  return host_kernel(cpu, "Look", {1}, {mx::zeros({1})},
                     [cpu = cpu.get(), seen](auto /*inputs*/, float* output) {
                       *seen = cpu->options.precision;
                       *output = 0;
                     });
}

TEST(CpuState, ModelsWithAsManyThreadsShareThem) {
  const CpuPrecision precision{Precision::kInt8, Precision::kInt8Pair};
  CpuState one(2, precision);
  CpuState other(2, precision);
  CpuState third(3, precision);
  EXPECT_EQ(&one.pool, &other.pool);
  EXPECT_NE(&one.pool, &third.pool);
  EXPECT_EQ(one.pool.size(), 2);
  EXPECT_EQ(third.pool.size(), 3);
}

TEST(RowKind, NodesKeepThePrecisionTheyWereMadeWith) {
  const auto cpu = std::make_shared<CpuState>(
      1, CpuPrecision{Precision::kInt8, Precision::kInt8Pair});
  const Backend backend{.kind = BackendKind::kCpu, .cpu = cpu};
  Precision prompt{}, generated{}, outside{};
  std::vector<mx::array> nodes;
  {
    const RowKind kind(backend, {.prompt_rows = true});
    nodes.push_back(node(cpu, &prompt));
  }
  {
    const RowKind kind(backend, {.prompt_rows = false});
    nodes.push_back(node(cpu, &generated));
  }
  nodes.push_back(node(cpu, &outside));
  mx::eval(nodes);
  EXPECT_EQ(prompt, Precision::kInt8);
  EXPECT_EQ(generated, Precision::kInt8Pair);
  EXPECT_EQ(outside, Precision::kInt8Pair);
}

TEST(RowKind, IsNothingOnOtherBackends) {
  const RowKind kind(Backend{}, {.prompt_rows = true});
}

}  // namespace
}  // namespace abstractllm::ops::testing
