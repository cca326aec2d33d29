// What this machine is, asked of MLX, the processor and the system.
// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <thread>

#include "base/available_memory.h"
#include "engine/doctor.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/backend/metal/metal.h"
#include "mlx/version.h"
#include "ops/cpu/cpu_budget.h"
#include "ops/cpu/cpu_features.h"

namespace abstractllm::engine {
namespace {

std::string simd_text(const ops::cpu::CpuFeatures& features) {
  std::string text;
  const auto add = [&](bool has, const char* name) {
    if (has) text += (text.empty() ? "" : ", ") + std::string(name);
  };
  add(features.avx512, "AVX-512");
  add(features.avx512_vnni, "AVX-512 VNNI");
  add(features.avx512_bf16, "AVX-512 BF16");
  add(features.amx_int8, "AMX int8");
  add(features.amx_bf16, "AMX bf16");
  add(features.avx2, "AVX2");
  add(features.avx_vnni, "AVX VNNI");
  add(features.sse4, "SSE4");
  add(features.neon_dot, "NEON dot products");
  return text.empty() ? "none that our kernels know" : text;
}

}  // namespace

MachineFacts MachineFacts::of_this_machine() {
  return {
      .mlx_version = mlx::core::version(),
      .has_metal = mlx::core::metal::is_available(),
      .has_cuda = mlx::core::cu::is_available(),
      .simd = simd_text(ops::cpu::detect_cpu_features()),
      .logical_cores = static_cast<int>(std::thread::hardware_concurrency()),
      .usable_threads = ops::cpu::usable_threads(),
      .memory_available = base::available_memory()};
}

}  // namespace abstractllm::engine
