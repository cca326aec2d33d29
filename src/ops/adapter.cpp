// From an adapter's file to operands of a backend.
// SPDX-License-Identifier: Apache-2.0
#include "ops/adapter.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "abstractllm/error.h"
#include "io/adapted_rows.h"
#include "io/adapter_file.h"
#include "io/embedding_names.h"
#include "io/expert_changes.h"
#include "io/weight_matrix.h"
#include "mlx/ops.h"
#include "ops/adapter_gains.h"
#include "ops/adapter_pieces.h"
#include "ops/cpu_state.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

constexpr std::string_view kWeight = ".weight";

// The name of a weight without its ending.
std::string module_of(const std::string& name) {
  return name.substr(0, name.size() - std::min(name.size(), kWeight.size()));
}

bool ends_with_module(std::string_view name, std::string_view ending) {
  return name.size() > ending.size() && name.ends_with(ending) &&
         name[name.size() - ending.size() - 1] == '.';
}

io::WeightMatrix dense_matrix(const std::string& name, std::int64_t rows,
                              std::int64_t columns,
                              std::span<const float> values) {
  return io::WeightMatrix::plain({.name = name,
                                  .type = io::StorageType::kF32,
                                  .shape = {rows, columns},
                                  .bytes = std::as_bytes(values)});
}

}  // namespace

std::uintptr_t Adapter::key_of(const Linear& weight) {
  if (weight.packed()) return key_of(*weight.packed());
  if (const auto* affine = std::get_if<AffineWeight>(&weight.storage())) {
    return affine->codes.id();
  }
  return std::get<DenseWeight>(weight.storage()).weight.id();
}

std::vector<std::int32_t> LinearSite::module_rows() const {
  if (!rows.empty()) return rows;
  std::vector<std::int32_t> all(static_cast<std::size_t>(module_outputs));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

class AdapterBinder {
 public:
  AdapterBinder(const Backend& backend, const io::AdapterFile& file)
      : backend_(backend), file_(file) {}

  std::shared_ptr<const Adapter> bind() {
    // First, for the lengths of rows are those of what stands in their place.
    for (const auto& [name, replacement] : file_.replacements()) {
      bind_replacement(name, replacement);
    }
    for (const io::LowRankChange& change : file_.changes()) bind(change);
    lay_out();
    return std::make_shared<const Adapter>(std::move(adapter_));
  }

 private:
  // What was bound to a layer.
  struct Bound {
    const LinearSite* site = nullptr;
    std::vector<AdapterPiece> pieces;
  };
  using Key = std::pair<std::uintptr_t, int>;

  static Key key_of(const LinearSite& site) {
    if (site.place) return {site.place->stack, site.place->expert};
    return {Adapter::key_of(site.linear), 0};
  }

  // Where a change of a module goes.
  struct Target {
    const LinearSite* site = nullptr;
    bool as_linear = true;
    bool as_table = false;
  };

  // `reaches_head`: what changes a table changes the head tied to it.
  std::vector<Target> targets_of(const std::string& module, bool is_table,
                                 bool reaches_head) const {
    const std::vector<std::string>& fixed = backend_.adaptation->fixed;
    if (io::names_another_table(module) ||
        std::find(fixed.begin(), fixed.end(), module) != fixed.end()) {
      refuse(module);
    }
    std::vector<Target> targets;
    for (const LinearSite* site : find_sites(module)) {
      targets.push_back({site, !is_table || reaches_head, is_table});
    }
    if (targets.empty() && io::names_a_head(module)) {
      // The model has no head but its table.
      for (const LinearSite& site : backend_.adaptation->sites) {
        if (io::names_a_table(site.module)) targets.push_back({&site});
      }
    }
    if (!targets.empty()) return targets;
    std::vector<std::string> known;
    for (const LinearSite& site : backend_.adaptation->sites) {
      known.push_back(site.module);
    }
    io::throw_unknown_module(file_, module, known);
  }

  // All parts of a module.
  std::vector<const LinearSite*> find_sites(const std::string& module) const {
    std::vector<const LinearSite*> found;
    for (const LinearSite& site : backend_.adaptation->sites) {
      if (site.module == module) found.push_back(&site);
    }
    if (!found.empty()) return found;
    // One of the two may have a prefix that the other lacks ("transformer.").
    for (const LinearSite& site : backend_.adaptation->sites) {
      if (ends_with_module(site.module, module) ||
          ends_with_module(module, site.module)) {
        found.push_back(&site);
      }
    }
    return found;
  }

  void bind(const io::LowRankChange& change) {
    for (const Target& target :
         targets_of(change.module, change.is_table, reaches_head(change))) {
      const LinearSite& site = *target.site;
      if (change.outputs != site.module_outputs ||
          change.inputs != site.linear.inputs()) {
        io::throw_misfit(file_, change, site.module_outputs,
                         site.linear.inputs());
      }
      if (target.as_table) bind_table(change, site);
      if (target.as_linear) bind_linear(change, site);
    }
  }

  // A change of the head itself comes before what reaches it from the table.
  bool reaches_head(const io::LowRankChange& change) const {
    return change.reaches_tied_head &&
           std::none_of(file_.changes().begin(), file_.changes().end(),
                        [](const io::LowRankChange& other) {
                          return io::names_a_head(other.module);
                        });
  }
  bool reaches_head(const io::Replacement& replacement) const {
    return replacement.reaches_tied_head &&
           std::none_of(file_.replacements().begin(),
                        file_.replacements().end(), [](const auto& other) {
                          return io::names_a_head(module_of(other.first));
                        });
  }

  void bind_linear(const io::LowRankChange& change, const LinearSite& site) {
    const std::vector<std::int32_t> rows = site.module_rows();
    const std::int64_t expert =
        rows.front() / (change.outputs / change.experts);
    const std::span<const float> down =
        std::span(change.down)
            .subspan(std::size_t(expert * change.rank * change.inputs),
                     std::size_t(change.rank * change.inputs));
    AdapterPiece piece{.first = site.first,
                       .rank = static_cast<int>(change.rank),
                       .down = {down.begin(), down.end()}};
    std::vector<float> magnitude;
    for (const std::int32_t row : rows) {
      const auto at = static_cast<std::size_t>(row);
      const auto first = change.up.begin() + row * change.rank;
      piece.up.insert(piece.up.end(), first, first + change.rank);
      if (!change.bias.empty()) piece.bias.push_back(change.bias[at]);
      if (!change.magnitude.empty()) magnitude.push_back(change.magnitude[at]);
    }
    if (!magnitude.empty()) {
      const auto found = adapter_.linears_.find(key_of(site).first);
      const bool is_replaced =
          found != adapter_.linears_.end() && found->second.replacement;
      piece.gain = row_gains(
          magnitude,
          {.base = is_replaced ? *found->second.replacement : site.linear,
           .first = site.first,
           .down = piece.down,
           .up = piece.up});
    }
    Bound& bound = bound_[key_of(site)];
    bound.site = &site;
    bound.pieces.push_back(std::move(piece));
  }

  // Makes operands of all that was bound.
  void lay_out() {
    std::map<std::uintptr_t, std::vector<const Bound*>> stacks;
    for (const auto& [key, bound] : bound_) {
      if (bound.site->place) {
        stacks[key.first].push_back(&bound);
        continue;
      }
      const Linear& linear = bound.site->linear;
      const AdapterPiece all = join_pieces(bound.pieces, linear.outputs());
      LinearChange& change = adapter_.linears_[key.first];
      const std::string& name = bound.site->module;
      change.down = linear_of(name, all.rank, linear.inputs(), all.down);
      change.up = linear_of(name, linear.outputs(), all.rank, all.up);
      if (!all.gain.empty()) change.gain = make_floats(all.gain);
      if (!all.bias.empty()) change.bias = make_floats(all.bias);
    }
    for (const auto& [key, experts] : stacks) {
      adapter_.experts_.emplace(key, lay_out_experts(experts));
    }
  }

  ExpertChange lay_out_experts(const std::vector<const Bound*>& changed) const {
    const LinearSite& site = *changed.front()->site;
    const int inputs = site.linear.inputs();
    const int outputs = site.linear.outputs();
    const int experts = site.place->experts;
    std::map<int, AdapterPiece> joined;
    int rank = 0;
    bool has_gain = false;
    bool has_bias = false;
    for (const Bound* bound : changed) {
      AdapterPiece all = join_pieces(bound->pieces, outputs);
      rank = std::max(rank, all.rank);
      has_gain = has_gain || !all.gain.empty();
      has_bias = has_bias || !all.bias.empty();
      joined.emplace(bound->site->place->expert, std::move(all));
    }
    const auto floats = [&](int height, int width, float value) {
      return std::vector<float>(
          static_cast<std::size_t>(experts) * height * width, value);
    };
    std::vector<float> down = floats(rank, inputs, 0);
    std::vector<float> up = floats(outputs, rank, 0);
    std::vector<float> gain = floats(outputs, has_gain ? 1 : 0, 1);
    std::vector<float> bias = floats(outputs, has_bias ? 1 : 0, 0);
    for (const auto& [expert, piece] : joined) {
      std::copy(piece.down.begin(), piece.down.end(),
                down.begin() + std::ptrdiff_t{expert} * rank * inputs);
      for (int row = 0; row < outputs; ++row) {
        std::copy_n(
            piece.up.begin() + std::ptrdiff_t{row} * piece.rank, piece.rank,
            up.begin() + (std::ptrdiff_t{expert} * outputs + row) * rank);
      }
      const auto first = std::ptrdiff_t{expert} * outputs;
      std::copy(piece.gain.begin(), piece.gain.end(), gain.begin() + first);
      std::copy(piece.bias.begin(), piece.bias.end(), bias.begin() + first);
    }
    const auto stack = [&](const std::vector<float>& values, mx::Shape shape) {
      return mx::array(values.data(), std::move(shape), backend_.compute);
    };
    ExpertChange change{.down = stack(down, {experts, rank, inputs}),
                        .up = stack(up, {experts, outputs, rank})};
    if (has_gain) change.gain = stack(gain, {experts, outputs});
    if (has_bias) change.bias = stack(bias, {experts, outputs});
    return change;
  }

  void bind_table(const io::LowRankChange& change, const LinearSite& site) {
    std::vector<float> turned(change.down.size());
    for (std::int64_t r = 0; r < change.rank; ++r) {
      for (std::int64_t i = 0; i < change.inputs; ++i) {
        turned[std::size_t(i * change.rank + r)] =
            change.down[std::size_t(r * change.inputs + i)];
      }
    }
    LinearChange& bound = adapter_.tables_[Adapter::key_of(site.linear)];
    bound.down = linear_of(change.module, change.inputs, change.rank, turned);
    bound.up = linear_of(change.module, change.outputs, change.rank, change.up);
    const ChangedMatrix matrix{
        .base = bound.replacement ? *bound.replacement : site.linear,
        .down = change.down,
        .up = change.up};
    if (!change.magnitude.empty()) {
      bound.row_gain = make_floats(row_gains(change.magnitude, matrix));
    }
    if (!change.column_magnitude.empty()) {
      bound.gain = make_floats(column_gains(change.column_magnitude, matrix));
    }
  }

  Linear linear_of(const std::string& name, std::int64_t rows,
                   std::int64_t columns, std::span<const float> values) const {
    return make_linear(backend_, dense_matrix(name, rows, columns, values));
  }

  void bind_replacement(const std::string& name,
                        const io::Replacement& replacement) {
    const io::StoredTensor& tensor = replacement.tensor;
    if (!name.ends_with(kWeight) || tensor.shape.size() != 2) refuse(name);
    const std::string module = module_of(name);
    for (const Target& target : targets_of(module, io::names_a_table(module),
                                           reaches_head(replacement))) {
      const LinearSite& site = *target.site;
      const auto rows = static_cast<int>(site.module_rows().size());
      if (site.place || rows != site.linear.outputs()) refuse(name);
      const io::WeightMatrix whole = io::WeightMatrix::plain(tensor);
      if (whole.rows() != site.module_outputs ||
          whole.columns() != site.linear.inputs()) {
        throw ModelLoadingError(
            "[adapter] " + tensor.describe() + ": the model has " +
            io::shape_text(std::vector<std::int64_t>{site.module_outputs,
                                                     site.linear.inputs()}));
      }
      const Linear whole_linear = make_linear(
          backend_, site.rows.empty() ? whole : whole.permute_rows(site.rows));
      const std::uintptr_t key = Adapter::key_of(site.linear);
      if (target.as_linear) adapter_.linears_[key].replacement = whole_linear;
      if (target.as_table) adapter_.tables_[key].replacement = whole_linear;
    }
  }

  [[noreturn]] void refuse(const std::string& name) const {
    throw UnsupportedFeatureError(
        "[adapter] " + file_.path().string() + ": '" + name +
            "' cannot be changed while the model runs",
        "Fuse the adapter into the model.");
  }

  const Backend& backend_;
  const io::AdapterFile& file_;
  Adapter adapter_;
  std::map<Key, Bound> bound_;
};

std::shared_ptr<const Adapter> make_adapter(const Backend& backend,
                                            const io::AdapterFile& file) {
  const auto fitted = io::fitted_to_experts(
      std::make_shared<const io::AdapterFile>(file),
      [&](std::string_view module) -> std::int64_t {
        for (const LinearSite& site : backend.adaptation->sites) {
          if (site.module == module) return site.experts;
        }
        return 0;
      });
  return AdapterBinder(backend, *fitted).bind();
}

AdapterScope::AdapterScope(const Backend& backend, RowChanges changes)
    : backend_(backend) {
  if (changes.empty()) return;
  set(std::make_shared<const RowChanges>(std::move(changes)));
}

AdapterScope::~AdapterScope() { set(nullptr); }

void AdapterScope::set(std::shared_ptr<const RowChanges> changes) {
  if (backend_.adaptation) backend_.adaptation->next = changes;
  if (backend_.cpu) backend_.cpu->next_changes = std::move(changes);
}

}  // namespace abstractllm::ops
