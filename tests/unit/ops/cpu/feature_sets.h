// Instruction sets that tests of products go through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ops/cpu/cpu_features.h"

namespace abstractllm::ops::cpu::testing {

/// Instruction sets this machine has, each as the best one allowed.
inline std::vector<CpuFeatures> feature_sets() {
  const CpuFeatures all = detect_cpu_features();
  std::vector<CpuFeatures> sets = {all};
  CpuFeatures fewer = all;
  for (bool CpuFeatures::*field :
       {&CpuFeatures::amx_bf16, &CpuFeatures::amx_int8,
        &CpuFeatures::avx512_bf16, &CpuFeatures::avx512_vnni,
        &CpuFeatures::avx_vnni, &CpuFeatures::avx512, &CpuFeatures::avx2,
        &CpuFeatures::sse4, &CpuFeatures::neon_dot}) {
    if (fewer.*field) {
      fewer.*field = false;
      sets.push_back(fewer);
    }
  }
  return sets;
}

}  // namespace abstractllm::ops::cpu::testing
