// Compiling a stretch of a file for an instruction set of its own. Everything
// that must stay portable (standard headers above all) is included before.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#define ABSTRACTLLM_PRAGMA(text) _Pragma(#text)
#define ABSTRACTLLM_ALWAYS_INLINE inline __attribute__((always_inline))

#if defined(__clang__)
#define ABSTRACTLLM_BEGIN_TARGET(features)                                   \
  ABSTRACTLLM_PRAGMA(clang attribute push(__attribute__((target(features))), \
                                          apply_to = function))
#define ABSTRACTLLM_END_TARGET _Pragma("clang attribute pop")
#define ABSTRACTLLM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ABSTRACTLLM_BEGIN_TARGET(features) \
  _Pragma("GCC push_options") ABSTRACTLLM_PRAGMA(GCC target features)
#define ABSTRACTLLM_END_TARGET _Pragma("GCC pop_options")
#define ABSTRACTLLM_UNROLL _Pragma("GCC unroll 16")
#endif
