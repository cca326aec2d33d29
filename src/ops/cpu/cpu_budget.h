// How many threads this process may usefully run: affinity mask, cgroup quota
// and physical cores.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace abstractllm::ops::cpu {

/// CPUs' worth of time allowed by the text of cgroup v2's `cpu.max`
/// ("200000 100000" is 2.0); nothing if unlimited or malformed.
std::optional<double> parse_cpu_max(std::string_view text);

/// The smallest quota on the way from this process's group up to the root, of
/// cgroup v2 and v1. `self_cgroup` is the text of /proc/self/cgroup,
/// `cgroup_root` usually /sys/fs/cgroup. Nothing if unlimited.
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& cgroup_root,
                                       std::string_view self_cgroup);

/// Threads to run on `logical` CPUs that are `physical` cores under `quota`.
/// Sibling threads of a core add nothing to kernels that saturate its vector
/// units, but machines of one to three cores keep theirs: virtual machines of
/// that size often misreport, and there the second sibling still hides latency.
int threads_for(int logical, int physical, std::optional<double> quota);

/// threads_for() of this process as it runs now; at least 1.
int usable_threads();

}  // namespace abstractllm::ops::cpu
