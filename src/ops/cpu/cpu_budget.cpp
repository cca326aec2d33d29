// Threads that may usefully run: Linux, cgroups, macOS.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/cpu_budget.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace abstractllm::ops::cpu {
namespace {

std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::optional<double> parse_number(std::string_view text) {
  const auto begin = text.find_first_not_of(" \n\t");
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin);
  double value = 0;
  const auto result =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> quota_of(std::optional<double> quota,
                               std::optional<double> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

std::optional<double> smaller(std::optional<double> a,
                              std::optional<double> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

std::optional<double> quota_in(const std::filesystem::path& group, bool v2) {
  if (v2) {
    const auto text = read_text(group / "cpu.max");
    return text ? parse_cpu_max(*text) : std::nullopt;
  }
  const auto quota = read_text(group / "cpu.cfs_quota_us");
  const auto period = read_text(group / "cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return quota_of(parse_number(*quota), parse_number(*period));
}

// In a container the path of /proc/self/cgroup may be the host's and not exist
// below the mounted root, so every prefix down to the root itself is tried.
std::optional<double> quota_along(const std::filesystem::path& root,
                                  std::string_view group, bool v2) {
  std::optional<double> least = quota_in(root, v2);
  std::filesystem::path path = root;
  for (const auto& part : std::filesystem::path(group).relative_path()) {
    path /= part;
    least = smaller(least, quota_in(path, v2));
  }
  return least;
}

bool lists_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    if (comma == std::string_view::npos) break;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

#if defined(__linux__)
std::vector<int> affinity_cpus() {
  std::vector<int> cpus;
  // Larger sets than cpu_set_t's 1024 exist; the kernel answers EINVAL until
  // the mask is long enough.
  for (int limit = 1024; limit <= 1 << 16; limit *= 2) {
    cpu_set_t* set = CPU_ALLOC(limit);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(limit);
    if (sched_getaffinity(0, bytes, set) == 0) {
      for (int cpu = 0; cpu < limit; ++cpu) {
        if (CPU_ISSET_S(cpu, bytes, set)) cpus.push_back(cpu);
      }
    }
    CPU_FREE(set);
    if (!cpus.empty()) break;
  }
  return cpus;
}

int physical_cores(const std::vector<int>& cpus) {
  std::set<std::string> cores;
  for (int cpu : cpus) {
    const auto siblings =
        read_text("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                  "/topology/thread_siblings_list");
    cores.insert(siblings ? *siblings : std::to_string(cpu));
  }
  return static_cast<int>(cores.size());
}
#endif

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return quota_of(parse_number(text.substr(0, space)),
                  parse_number(text.substr(space + 1)));
}

std::optional<double> cgroup_cpu_quota(const std::filesystem::path& cgroup_root,
                                       std::string_view self_cgroup) {
  std::optional<double> least;
  std::istringstream lines{std::string(self_cgroup)};
  std::string line;
  while (std::getline(lines, line)) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const std::string_view group = std::string_view(line).substr(second + 1);
    if (controllers.empty()) {
      least = smaller(least, quota_along(cgroup_root, group, true));
      least = smaller(least, quota_along(cgroup_root / "unified", group, true));
    } else if (lists_cpu(controllers)) {
      for (const char* mount : {"cpu", "cpu,cpuacct"}) {
        least = smaller(least, quota_along(cgroup_root / mount, group, false));
      }
    }
  }
  return least;
}

int threads_for(int logical, int physical, std::optional<double> quota) {
  int threads = std::max(1, logical);
  if (physical >= 4) threads = std::min(threads, physical);
  // Rounded down: a thread over the quota stalls all of them each period.
  if (quota && *quota < threads) {
    threads = std::max(1, static_cast<int>(*quota));
  }
  return threads;
}

int usable_threads() {
#if defined(__linux__)
  const std::vector<int> cpus = affinity_cpus();
  if (!cpus.empty()) {
    const auto self = read_text("/proc/self/cgroup");
    return threads_for(static_cast<int>(cpus.size()), physical_cores(cpus),
                       cgroup_cpu_quota("/sys/fs/cgroup", self.value_or("")));
  }
#elif defined(__APPLE__)
  int performance_cores = 0;
  std::size_t size = sizeof(performance_cores);
  if (sysctlbyname("hw.perflevel0.physicalcpu", &performance_cores, &size,
                   nullptr, 0) == 0 &&
      performance_cores > 0) {
    return performance_cores;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace abstractllm::ops::cpu
