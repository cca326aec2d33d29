// How exactly activations meet quantised weights on the CPU.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "ops/cpu/kv_slab.h"
#include "ops/cpu/linear.h"

namespace abstractllm::ops {

/// By what a row is, never by its neighbours or by how many there are: a
/// token's result must not depend on how a prompt is cut or who else is served.
struct CpuPrecision {
  cpu::Precision prompt = cpu::Precision::kInt8Pair;
  cpu::Precision generated = cpu::Precision::kInt8Pair;

  bool operator==(const CpuPrecision&) const = default;
};

/// Models of this hidden size and more bear 8 bits in prompts; small ones
/// change their answers.
inline constexpr std::int64_t kBearsRounding = 1024;

/// What was asked for, in all rows, or else the choice for a model of this
/// size. Pairs cost nothing where rows come one by one, since weights then
/// arrive more slowly than they are multiplied, but twice the time in prompts.
constexpr CpuPrecision choose_cpu_precision(
    std::optional<cpu::Precision> wanted, std::int64_t hidden_size) {
  if (wanted) return {*wanted, *wanted};
  if (hidden_size < kBearsRounding) return {};
  return {.prompt = cpu::Precision::kInt8};
}

/// 16 bits where activations are rounded anyway: attention reads half as much.
constexpr cpu::KvType default_kv_type(const CpuPrecision& precision) {
  return precision.generated == cpu::Precision::kExact ? cpu::KvType::kF32
                                                       : cpu::KvType::kF16;
}

}  // namespace abstractllm::ops
