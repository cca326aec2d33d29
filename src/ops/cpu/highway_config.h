// Which of Highway's targets our kernels are compiled for; included before
// hwy/foreach_target.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Registers of SVE have no size at compile time, and our kernels keep arrays of
// them; NEON is there on every such processor.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
