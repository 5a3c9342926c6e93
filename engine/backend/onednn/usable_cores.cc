#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "engine/backend/onednn/thread_team.h"

namespace mone::cpu {
namespace {

int affinity_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());  // more than 1024 cores
}

// "max 100000" or "150000 100000": quota and period in microseconds.
std::optional<double> read_cpu_max(const std::string& path) {
  std::ifstream file(path);
  double quota = 0, period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// The tightest limit from this process's group up to the root (cgroup v2), or that of cgroup v1's cpu
// controller.
std::optional<double> control_group_cores() {
  std::optional<double> tightest;
  const auto take = [&](std::optional<double> limit) {
    if (limit) tightest = tightest ? std::min(*tightest, *limit) : *limit;
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::/")) continue;
    for (std::string group = line.substr(3); !group.empty(); group.resize(group.rfind('/')))
      take(read_cpu_max("/sys/fs/cgroup" + group + "/cpu.max"));
  }
  take(read_cpu_max("/sys/fs/cgroup/cpu.max"));
  std::ifstream quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double q = 0, p = 0;
  if (quota >> q && period >> p && q > 0 && p > 0) take(q / p);
  return tightest;
}

}  // namespace

int usable_cores() {
  int cores = affinity_cores();
  if (const auto limit = control_group_cores()) cores = std::min(cores, static_cast<int>(*limit));
  return std::max(cores, 1);
}

}  // namespace mone::cpu
