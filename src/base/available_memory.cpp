// Reads what the kernel says of memory.
// SPDX-License-Identifier: Apache-2.0
#include "base/available_memory.h"

#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>

namespace abstractllm::base {

namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text.remove_prefix(first);
  std::uint64_t value = 0;
  const auto result =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

// The group's path in the line "0::/path" of cgroup v2.
std::optional<std::string_view> group_path(std::string_view self_cgroup) {
  constexpr std::string_view kStart = "0::/";
  while (!self_cgroup.empty()) {
    const std::string_view line = self_cgroup.substr(0, self_cgroup.find('\n'));
    if (line.starts_with(kStart)) return line.substr(kStart.size());
    self_cgroup.remove_prefix(std::min(self_cgroup.size(), line.size() + 1));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_available(std::string_view meminfo) {
  constexpr std::string_view kName = "MemAvailable:";
  const auto at = meminfo.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const auto kilobytes = leading_number(meminfo.substr(at + kName.size()));
  if (!kilobytes || *kilobytes > (std::uint64_t{1} << 50)) return std::nullopt;
  return *kilobytes * 1024;
}

std::optional<std::uint64_t> cgroup_memory_left(
    const std::filesystem::path& cgroup_root, std::string_view self_cgroup) {
  const auto path = group_path(self_cgroup);
  if (!path) return std::nullopt;
  std::optional<std::uint64_t> least;
  std::filesystem::path group = *path;
  while (true) {
    const std::filesystem::path folder = cgroup_root / group;
    const auto limit = leading_number(read_text(folder / "memory.max"));
    const auto used = leading_number(read_text(folder / "memory.current"));
    if (limit && used) {
      const std::uint64_t left = *limit - std::min(*limit, *used);
      least = std::min(least.value_or(left), left);
    }
    if (group.empty()) return least;
    group = group.parent_path();
  }
}

std::uint64_t available_memory() {
  const auto available = parse_available(read_text("/proc/meminfo"));
  const auto allowed =
      cgroup_memory_left("/sys/fs/cgroup", read_text("/proc/self/cgroup"));
  if (available && allowed) return std::min(*available, *allowed);
  if (available) return *available;
  if (allowed) return *allowed;
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return std::uint64_t{1} << 30;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) /
         2;
}

void return_freed_memory() noexcept {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace abstractllm::base
