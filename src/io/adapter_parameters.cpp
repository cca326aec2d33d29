// Shapes of wrapped parameters, and what they say.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "abstractllm/error.h"
#include "io/adapter_factor.h"

namespace abstractllm::io {
namespace {

[[noreturn]] void fail(const StoredTensor& tensor, const std::string& what) {
  throw ModelLoadingError(
      fmt::format("[adapter] {}: {}", tensor.describe(), what));
}

bool is_or_ends_with(std::string_view module, std::string_view ending) {
  return ending.empty() || module == ending ||
         (module.ends_with(ending) && module.size() > ending.size() &&
          module[module.size() - ending.size() - 1] == '.');
}

std::int64_t outputs_of_each(const LowRankChange& change) {
  return change.outputs / change.experts;
}

// Whether one gives what the other takes: a gated unit's first and last.
bool fit_as_unit(const LowRankChange& first, const LowRankChange& last) {
  return outputs_of_each(first) == 2 * last.inputs &&
         outputs_of_each(last) == first.inputs;
}

// Older versions of PEFT took the outputs of a stack for its inputs.
LowRankChange turned_over(const LowRankChange& change) {
  const AdapterFactor down{.experts = change.experts,
                           .rows = change.rank,
                           .columns = change.inputs,
                           .values = change.down};
  const AdapterFactor up{.experts = change.experts,
                         .rows = outputs_of_each(change),
                         .columns = change.rank,
                         .values = change.up};
  return {.experts = change.experts,
          .rank = change.rank,
          .outputs = change.experts * change.inputs,
          .inputs = outputs_of_each(change),
          .down = transposed(up).values,
          .up = transposed(down).values};
}

bool is_last_of_unit(std::string_view parameter) {
  return parameter.starts_with("down") || parameter.starts_with("output");
}

}  // namespace

ParameterTargets::ParameterTargets(const JsonConfig& config)
    : rank_(config.find_int("r").value_or(0)) {
  const auto names = config.find_strings("target_parameters");
  if (!names) return;
  for (const std::string& name : *names) {
    const std::size_t dot = name.rfind('.');
    if (dot == name.npos) {
      targets_.emplace_back("", name);
    } else {
      targets_.emplace_back(name.substr(0, dot), name.substr(dot + 1));
    }
  }
}

std::vector<std::string> ParameterTargets::of(std::string_view module) const {
  std::vector<std::string> found;
  for (const auto& [ending, parameter] : targets_) {
    if (is_or_ends_with(module, ending)) found.push_back(parameter);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

LowRankChange ParameterTargets::read(const ParameterFactors& factors) const {
  AdapterFactor down = read_factor(*factors.a);
  const AdapterFactor b = read_factor(*factors.b);
  if (rank_ < 1 || down.experts != 1 || b.experts != 1 ||
      down.rows % rank_ != 0 || b.columns != down.rows) {
    fail(*factors.b, fmt::format("does not fit {} of rank {}",
                                 shape_text(factors.a->shape), rank_));
  }
  const std::int64_t experts = down.rows / rank_;
  return {.experts = experts,
          .rank = rank_,
          .outputs = experts * b.rows,
          .inputs = down.columns,
          .down = std::move(down.values),
          .up = divided_by_experts(b, experts).values};
}

std::vector<LowRankChange> ParameterTargets::changes(
    const std::string& module,
    const std::vector<ParameterFactors>& wrappers) const {
  std::vector<LowRankChange> read_changes;
  for (const ParameterFactors& wrapper : wrappers) {
    read_changes.push_back(read(wrapper));
  }
  std::vector<std::string> names = of(module);
  if (names.size() == 2 && read_changes.size() == 2 &&
      is_last_of_unit(names[0]) != is_last_of_unit(names[1])) {
    if (is_last_of_unit(names[0])) std::swap(names[0], names[1]);
    for (const bool turn : {false, true}) {
      std::vector<LowRankChange> pair = read_changes;
      if (turn) pair = {turned_over(pair[0]), turned_over(pair[1])};
      if (fit_as_unit(pair[1], pair[0])) std::swap(pair[0], pair[1]);
      if (!fit_as_unit(pair[0], pair[1])) continue;
      read_changes = std::move(pair);
      break;
    }
    if (!fit_as_unit(read_changes[0], read_changes[1])) names.clear();
  }
  if (names.size() != read_changes.size() || names.size() > 2) {
    fail(*wrappers.front().a,
         fmt::format("which of the target_parameters of '{}' this is cannot be "
                     "told from its shape",
                     module));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    read_changes[i].module =
        names[i] == "weight" ? module : module + "." + names[i];
  }
  return read_changes;
}

}  // namespace abstractllm::io
