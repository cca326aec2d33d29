// "Did you mean": the known names most like one that is not known.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::base {

/// Number of single-character insertions, deletions and replacements between
/// the two (Levenshtein), letter case ignored.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// At most `count` of `known`, the most alike first; ties in the given order.
std::vector<std::string> nearest_names(std::string_view name,
                                       const std::vector<std::string>& known,
                                       std::size_t count);

/// The nearest of `known`, or empty when none is near: more than a third of
/// the longer name's characters differ.
std::string_view nearest_name(std::string_view name,
                              std::span<const std::string_view> known);

/// `names` as "a, b, c".
std::string join_names(std::span<const std::string_view> names);

}  // namespace abstractllm::base
