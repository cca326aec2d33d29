// Edit distance over one row of the classic table.
// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_names.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace abstractllm::base {
namespace {

// The table is quadratic; what differs beyond this is no better a suggestion.
constexpr std::size_t kComparedCharacters = 256;

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced =
          diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::vector<std::string> nearest_names(std::string_view name,
                                       const std::vector<std::string>& known,
                                       std::size_t count) {
  std::vector<std::pair<std::size_t, std::size_t>> ranked;
  ranked.reserve(known.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    ranked.emplace_back(edit_distance(name.substr(0, kComparedCharacters),
                                      std::string_view(known[i]).substr(
                                          0, kComparedCharacters)),
                        i);
  }
  count = std::min(count, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + std::ptrdiff_t(count),
                    ranked.end());
  std::vector<std::string> nearest;
  for (std::size_t i = 0; i < count; ++i) {
    nearest.push_back(known[ranked[i].second]);
  }
  return nearest;
}

std::string_view nearest_name(std::string_view name,
                              std::span<const std::string_view> known) {
  std::string_view best;
  std::size_t best_distance = kComparedCharacters;
  if (name.size() > kComparedCharacters) return best;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    const std::size_t longer = std::max(name.size(), candidate.size());
    if (distance < best_distance && 3 * distance <= longer) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string join_names(std::span<const std::string_view> names) {
  std::string joined;
  for (const std::string_view name : names) {
    if (!joined.empty()) joined += ", ";
    joined += name;
  }
  return joined;
}

}  // namespace abstractllm::base
