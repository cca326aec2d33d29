// From names of experts to names, expert by expert.
// SPDX-License-Identifier: Apache-2.0
#include "io/expert_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

enum class Part : std::uint8_t { kGate, kUp, kDown, kGateAndUp };

constexpr std::array<std::pair<std::string_view, Part>, 10> kPartNames{
    {{"gate_proj", Part::kGate},
     {"w1", Part::kGate},
     {"up_proj", Part::kUp},
     {"w3", Part::kUp},
     {"fc1", Part::kUp},
     {"down_proj", Part::kDown},
     {"w2", Part::kDown},
     {"fc2", Part::kDown},
     {"gate_up_proj", Part::kGateAndUp},
     {"input_linear", Part::kGateAndUp}}};

// What a module's name says of experts.
struct ExpertName {
  std::string block;  // with a dot behind it
  Part part = Part::kGate;
  std::optional<std::int64_t> expert;  // nothing: a stack
  /// A stack right below "experts".
  bool is_bare = false;

  /// Rows of gates and up rows lie one by one where gpt-oss has both in such a
  /// stack, and one after the other elsewhere (Llama 4).
  bool may_alternate(std::string_view in_block) const {
    return is_bare && part != Part::kDown &&
           !in_block.ends_with("feed_forward.");
  }
};

bool take_last(std::string& name, std::string_view last) {
  const bool found =
      name == last || name.ends_with(std::string(".") + std::string(last));
  if (found) name.resize(name.size() - std::min(name.size(), last.size() + 1));
  return found;
}

std::optional<std::int64_t> take_number(std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  std::int64_t number = 0;
  const auto parsed =
      std::from_chars(last.data(), last.data() + last.size(), number);
  if (last.empty() || number < 0 || parsed.ptr != last.data() + last.size()) {
    return std::nullopt;
  }
  take_last(name, last);
  return number;
}

std::optional<ExpertName> parse(std::string module) {
  ExpertName name;
  const std::string last = module.substr(module.rfind('.') + 1);
  const auto part =
      std::find_if(kPartNames.begin(), kPartNames.end(),
                   [&](const auto& row) { return row.first == last; });
  const bool is_output = last == "output_linear";
  if (part == kPartNames.end() && !is_output) return std::nullopt;
  name.part = is_output ? Part::kDown : part->second;
  take_last(module, last);
  name.expert = take_number(module);
  if (name.expert) {
    if (!take_last(module, "experts")) return std::nullopt;
  } else if (take_last(module, "switch_mlp") ||
             take_last(module, "switch_glu")) {
    take_last(module, "experts");
  } else if (take_last(module, "experts")) {
    name.is_bare = true;
  } else if (!last.ends_with("_linear") ||
             !module.ends_with("block_sparse_moe")) {
    return std::nullopt;
  }
  name.block = module.empty() ? "" : module + ".";
  return name;
}

// One expert's part of a change, in a module of the model.
struct Unit {
  std::string target;
  std::int64_t expert = 0;
  std::int64_t first = 0;  // row of the expert in the target
  std::int64_t rows = 0;
  std::int64_t rows_of_expert = 0;
  bool is_stacked = false;
  std::int64_t rank = 0;
  std::int64_t inputs = 0;
  std::vector<float> down;       // (rank, inputs)
  std::vector<float> up;         // (rows, rank)
  std::vector<float> magnitude;  // (rows), or empty
  std::vector<float> bias;       // likewise
};

std::vector<float> part_of(const std::vector<float>& values, std::int64_t first,
                           std::int64_t count) {
  if (values.empty()) return {};
  const auto begin = values.begin() + first;
  return {begin, begin + count};
}

class Fitter {
 public:
  explicit Fitter(const ExpertCount& experts_in) : experts_in_(experts_in) {}

  // False where the model has no place for it.
  bool add(const LowRankChange& change) {
    const auto name = parse(change.module);
    if (!name || experts_in_(change.module) > 0) return false;
    std::vector<Unit> units;
    const std::int64_t rows = change.outputs / change.experts;
    const bool is_pair = name->part == Part::kGateAndUp;
    const std::int64_t size = is_pair ? rows / 2 : rows;
    for (std::int64_t e = 0; e < change.experts; ++e) {
      for (int half = 0; half < (is_pair ? 2 : 1); ++half) {
        ExpertName own = *name;
        if (is_pair) own.part = half == 0 ? Part::kGate : Part::kUp;
        const std::int64_t first = e * rows + half * size;
        Unit unit{
            .expert = name->expert.value_or(e),
            .rows = size,
            .rank = change.rank,
            .inputs = change.inputs,
            .down = part_of(change.down, e * change.rank * change.inputs,
                            change.rank * change.inputs),
            .up = part_of(change.up, first * change.rank, size * change.rank),
            .magnitude = part_of(change.magnitude, first, size),
            .bias = part_of(change.bias, first, size)};
        if (!place(own, unit)) return false;
        units.push_back(std::move(unit));
      }
    }
    for (Unit& unit : units) units_[unit.target].push_back(std::move(unit));
    return true;
  }

  bool is_empty() const { return units_.empty(); }

  std::vector<LowRankChange> changes() const {
    std::vector<LowRankChange> changes;
    for (const auto& [target, units] : units_) {
      changes.push_back(join(target, units));
    }
    return changes;
  }

 private:
  // Other names that libraries have for the block of a layer's experts.
  static std::vector<std::string> blocks_of(const std::string& block) {
    constexpr std::array<std::string_view, 3> kNames{
        "mlp.", "block_sparse_moe.", "feed_forward."};
    std::vector<std::string> blocks{block};
    for (const std::string_view own : kNames) {
      if (!block.ends_with(own)) continue;
      for (const std::string_view other : kNames) {
        if (other == own) continue;
        blocks.push_back(block.substr(0, block.size() - own.size()) +
                         std::string(other));
      }
    }
    return blocks;
  }

  // Finds the target of `unit`.
  bool place(const ExpertName& name, Unit& unit) const {
    unit.rows_of_expert = unit.rows;
    for (const std::string& block : blocks_of(name.block)) {
      if (place_in_own(name, block, unit) || place_in_pair(name, block, unit)) {
        return true;
      }
    }
    return false;
  }

  bool place_in_own(const ExpertName& name, const std::string& block,
                    Unit& unit) const {
    for (const auto& [last, part] : kPartNames) {
      if (part != name.part) continue;
      const std::string ending(last);
      unit.target = fmt::format("{}experts.{}.{}", block, unit.expert, last);
      if (experts_in_(unit.target) > 0) return true;
      unit.is_stacked = true;
      for (const char* stack :
           {"switch_mlp.", "experts.switch_glu.", "experts."}) {
        unit.target = block + stack + ending;
        const bool is_bare = std::string_view(stack) == "experts.";
        if (is_bare && name.may_alternate(block)) continue;
        if (experts_in_(unit.target) > 0) return true;
      }
      unit.is_stacked = false;
    }
    unit.target = block + "output_linear";
    unit.is_stacked = name.part == Part::kDown;
    return unit.is_stacked && experts_in_(unit.target) > 0;
  }

  // Rows of gates before the up rows.
  bool place_in_pair(const ExpertName& name, const std::string& block,
                     Unit& unit) const {
    if (name.part == Part::kDown || name.may_alternate(block)) return false;
    for (const char* pair : {"experts.gate_up_proj", "input_linear"}) {
      unit.target = block + pair;
      if (experts_in_(unit.target) == 0) continue;
      unit.is_stacked = true;
      unit.rows_of_expert = 2 * unit.rows;
      unit.first = name.part == Part::kUp ? unit.rows : 0;
      return true;
    }
    return false;
  }

  LowRankChange join(const std::string& target,
                     const std::vector<Unit>& units) const {
    const Unit& any = units.front();
    LowRankChange change{.module = target,
                         .experts = any.is_stacked ? experts_in_(target) : 1,
                         .inputs = any.inputs};
    std::map<std::int64_t, std::int64_t> ranks;
    for (const Unit& unit : units) {
      ranks[unit.expert] += unit.rank;
      change.rank = std::max(change.rank, ranks[unit.expert]);
    }
    change.outputs = change.experts * any.rows_of_expert;
    change.down.resize(
        std::size_t(change.experts * change.rank * change.inputs));
    change.up.resize(std::size_t(change.outputs * change.rank));
    ranks.clear();
    std::int64_t scaled = 0;
    for (const Unit& unit : units) {
      const std::int64_t expert = any.is_stacked ? unit.expert : 0;
      if (unit.inputs != any.inputs ||
          unit.rows_of_expert != any.rows_of_expert) {
        throw ModelLoadingError(fmt::format(
            "[adapter] changes expert {} of '{}' by [{}, {}], another by "
            "[{}, {}]",
            unit.expert, target, unit.rows, unit.inputs, any.rows, any.inputs));
      }
      if (expert >= change.experts) {
        throw ModelLoadingError(fmt::format(
            "[adapter] changes expert {} of '{}', which has {} experts",
            unit.expert, target, change.experts));
      }
      insert(unit, expert, ranks[unit.expert], change);
      ranks[unit.expert] += unit.rank;
      scaled += static_cast<std::int64_t>(unit.magnitude.size());
    }
    if (scaled != 0 && scaled != change.outputs) {
      throw UnsupportedFeatureError(
          fmt::format("[adapter] gives {} of the {} rows of '{}' a magnitude",
                      scaled, change.outputs, target),
          "Merge the adapter into the model with the library that made it.");
    }
    return change;
  }

  static void insert(const Unit& unit, std::int64_t expert, std::int64_t column,
                     LowRankChange& change) {
    std::copy(
        unit.down.begin(), unit.down.end(),
        change.down.begin() + (expert * change.rank + column) * change.inputs);
    const std::int64_t first = expert * unit.rows_of_expert + unit.first;
    for (std::int64_t row = 0; row < unit.rows; ++row) {
      std::copy_n(unit.up.begin() + row * unit.rank, unit.rank,
                  change.up.begin() + (first + row) * change.rank + column);
    }
    const auto set = [&](const std::vector<float>& from,
                         std::vector<float>& to) {
      if (from.empty()) return;
      to.resize(std::size_t(change.outputs));
      std::copy(from.begin(), from.end(), to.begin() + first);
    };
    set(unit.magnitude, change.magnitude);
    set(unit.bias, change.bias);
  }

  const ExpertCount& experts_in_;
  std::map<std::string, std::vector<Unit>> units_;
};

}  // namespace

std::shared_ptr<const AdapterFile> fitted_to_experts(
    std::shared_ptr<const AdapterFile> adapter, const ExpertCount& experts_in) {
  Fitter fitter(experts_in);
  std::vector<LowRankChange> changes;
  for (const LowRankChange& change : adapter->changes()) {
    if (!fitter.add(change)) changes.push_back(change);
  }
  if (fitter.is_empty()) return adapter;
  for (LowRankChange& change : fitter.changes()) {
    changes.push_back(std::move(change));
  }
  return std::make_shared<const AdapterFile>(
      adapter->with_changes(std::move(changes)));
}

}  // namespace abstractllm::io
