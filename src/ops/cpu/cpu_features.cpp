// Asks processor and system for instruction sets.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/cpu_features.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace abstractllm::ops::cpu {
namespace {

#if defined(__x86_64__)
struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}

constexpr bool bit(std::uint64_t word, int index) {
  return (word >> index & 1) != 0;
}

// Register state that the operating system saves: bits of XCR0.
std::uint64_t saved_state() {
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
}

// Linux hands out the tile registers only to processes that ask.
bool ask_for_tiles() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

}  // namespace

CpuFeatures detect_cpu_features() {
  CpuFeatures features;
#if defined(__x86_64__)
  const Registers basic = cpuid(1, 0);
  features.sse4 = bit(basic.c, 19) && bit(basic.c, 9);
  if (!bit(basic.c, 27)) return features;  // no OSXSAVE
  const std::uint64_t saved = saved_state();
  const bool ymm = (saved & 0x6) == 0x6;
  const bool zmm = (saved & 0xe6) == 0xe6;
  const bool tiles = (saved & 0x60000) == 0x60000;
  const Registers more = cpuid(7, 0);
  const Registers newer = cpuid(7, 1);
  features.avx2 = ymm && bit(more.b, 5) && bit(basic.c, 12) &&
                  bit(basic.c, 29) && bit(more.b, 8);
  features.avx_vnni = features.avx2 && bit(newer.a, 4);
  features.avx512 = features.avx2 && zmm && bit(more.b, 16) &&
                    bit(more.b, 17) && bit(more.b, 30) && bit(more.b, 31);
  features.avx512_vnni = features.avx512 && bit(more.c, 11);
  features.avx512_bf16 = features.avx512 && bit(newer.a, 5);
  const bool amx =
      features.avx512 && tiles && bit(more.d, 24) && ask_for_tiles();
  features.amx_int8 = amx && features.avx512_vnni && bit(more.d, 25);
  features.amx_bf16 = amx && features.avx512_bf16 && bit(more.d, 22);
#elif defined(__aarch64__)
#if defined(__linux__)
  constexpr unsigned long kDotProduct = 1ul << 20;  // HWCAP_ASIMDDP
  features.neon_dot = (getauxval(AT_HWCAP) & kDotProduct) != 0;
#elif defined(__ARM_FEATURE_DOTPROD)
  features.neon_dot = true;
#endif
#endif
  return features;
}

}  // namespace abstractllm::ops::cpu
