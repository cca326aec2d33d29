// Which instructions the kernels may use.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace abstractllm::ops::cpu {

/// Instruction sets the kernels make a difference for. A plain value: tests
/// and users switch single sets off by clearing a field.
struct CpuFeatures {
  bool sse4 = false;         ///< SSE4.1 and SSSE3
  bool avx2 = false;         ///< with FMA and F16C
  bool avx_vnni = false;     ///< vpdpbusd on 256 bits, without AVX-512
  bool avx512 = false;       ///< F, BW, DQ and VL
  bool avx512_vnni = false;  ///< vpdpbusd
  bool avx512_bf16 = false;  ///< vdpbf16ps
  bool amx_int8 = false;     ///< tiles of int8, allowed by the system
  bool amx_bf16 = false;     ///< tiles of bf16, likewise
  bool neon_dot = false;     ///< sdot

  friend bool operator==(const CpuFeatures&, const CpuFeatures&) = default;
};

/// What this processor and operating system offer.
CpuFeatures detect_cpu_features();

}  // namespace abstractllm::ops::cpu
