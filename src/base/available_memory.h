// How much memory this process may still take, and giving some back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace abstractllm::base {

/// Bytes that the text of /proc/meminfo calls available; nothing if it does
/// not say.
std::optional<std::uint64_t> parse_available(std::string_view meminfo);

/// What is left below the limits of this process's group and those above it,
/// of cgroup v2. `self_cgroup` is the text of /proc/self/cgroup, `cgroup_root`
/// usually /sys/fs/cgroup. Nothing if unlimited.
std::optional<std::uint64_t> cgroup_memory_left(
    const std::filesystem::path& cgroup_root, std::string_view self_cgroup);

/// The lesser of the two for this process as it runs now; half of the
/// machine's memory where neither is known.
std::uint64_t available_memory();

/// Gives back to the system what the allocator keeps of memory that was freed.
/// glibc keeps it for each thread that there ever was, up to eight times the
/// processors; other allocators are left alone.
void return_freed_memory() noexcept;

}  // namespace abstractllm::base
