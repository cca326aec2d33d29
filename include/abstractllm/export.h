// Visibility of the library's public symbols.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(_WIN32)
#define ABSTRACTLLM_API
#else
#define ABSTRACTLLM_API __attribute__((visibility("default")))
#endif
