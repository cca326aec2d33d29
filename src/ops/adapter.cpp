// From an adapter's file to operands of a backend.
// SPDX-License-Identifier: Apache-2.0
#include "ops/adapter.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "abstractllm/error.h"
#include "io/adapted_rows.h"
#include "io/adapter_file.h"
#include "io/embedding_names.h"
#include "io/weight_matrix.h"
#include "mlx/ops.h"
#include "ops/cpu_state.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// Rows decoded at a time for their lengths.
constexpr int kNormRows = 256;
constexpr std::string_view kWeight = ".weight";

// Gives `visit` each row of base + up * down with its number.
template <typename Visit>
void visit_changed_rows(const Linear& base, std::span<const float> down,
                        std::span<const float> up, Visit visit) {
  const int inputs = base.inputs();
  const std::size_t rank = down.size() / static_cast<std::size_t>(inputs);
  for (int first = 0; first < base.outputs(); first += kNormRows) {
    const int count = std::min(kNormRows, base.outputs() - first);
    mx::array ids = mx::arange(first, first + count, mx::int32);
    ids.eval();
    mx::array rows = mx::contiguous(mx::astype(embed(ids, base), mx::float32));
    rows.eval();
    for (int i = 0; i < count; ++i) {
      const auto number = static_cast<std::size_t>(first + i);
      const float* stored = rows.data<float>() + std::int64_t{i} * inputs;
      std::vector<float> row(stored, stored + inputs);
      for (std::size_t r = 0; r < rank; ++r) {
        const float factor = up[number * rank + r];
        const float* from = &down[r * static_cast<std::size_t>(inputs)];
        for (std::size_t j = 0; j < row.size(); ++j) row[j] += factor * from[j];
      }
      visit(number, row);
    }
  }
}

// Magnitudes over the lengths of the changed rows.
std::vector<float> row_gains(std::span<const float> magnitude,
                             const Linear& base, std::span<const float> down,
                             std::span<const float> up) {
  std::vector<float> gains(magnitude.size());
  visit_changed_rows(
      base, down, up, [&](std::size_t number, const std::vector<float>& row) {
        double square = 0;
        for (const float value : row) square += double{value} * value;
        gains[number] =
            static_cast<float>(magnitude[number] / std::sqrt(square));
      });
  return gains;
}

// Likewise of its columns.
std::vector<float> column_gains(const io::LowRankChange& change,
                                const Linear& base) {
  std::vector<double> squares(change.column_magnitude.size());
  visit_changed_rows(base, change.down, change.up,
                     [&](std::size_t, const std::vector<float>& row) {
                       for (std::size_t i = 0; i < row.size(); ++i) {
                         squares[i] += double{row[i]} * row[i];
                       }
                     });
  std::vector<float> gains;
  for (std::size_t i = 0; i < squares.size(); ++i) {
    gains.push_back(
        static_cast<float>(change.column_magnitude[i] / std::sqrt(squares[i])));
  }
  return gains;
}

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
    return std::make_shared<const Adapter>(std::move(adapter_));
  }

 private:
  // Where a change of a module goes.
  struct Target {
    const LinearSite* site = nullptr;
    bool as_linear = true;
    bool as_table = false;
  };

  // `reaches_head`: what changes a table changes the head tied to it.
  std::vector<Target> targets_of(const std::string& module, bool is_table,
                                 bool reaches_head) const {
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

  static std::vector<std::int32_t> rows_of(const LinearSite& site) {
    if (!site.rows.empty()) return site.rows;
    std::vector<std::int32_t> rows(
        static_cast<std::size_t>(site.linear.outputs()));
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
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
    const std::vector<std::int32_t> rows = rows_of(site);
    const std::int64_t expert =
        rows.front() / (change.outputs / change.experts);
    const std::span<const float> down =
        std::span(change.down)
            .subspan(std::size_t(expert * change.rank * change.inputs),
                     std::size_t(change.rank * change.inputs));
    std::vector<float> up;
    std::vector<float> bias;
    for (const std::int32_t row : rows) {
      const auto first = change.up.begin() + row * change.rank;
      up.insert(up.end(), first, first + change.rank);
      if (!change.bias.empty()) bias.push_back(change.bias[std::size_t(row)]);
    }
    LinearChange& bound = adapter_.linears_[Adapter::key_of(site.linear)];
    const auto count = static_cast<std::int64_t>(rows.size());
    bound.down = linear_of(change.module, change.rank, change.inputs, down);
    bound.up = linear_of(change.module, count, change.rank, up);
    if (!bias.empty()) bound.bias = make_floats(bias);
    if (change.magnitude.empty()) return;
    std::vector<float> magnitude;
    for (const std::int32_t row : rows) {
      magnitude.push_back(change.magnitude[std::size_t(row)]);
    }
    bound.gain = make_floats(row_gains(
        magnitude, bound.replacement.value_or(site.linear), down, up));
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
    const Linear& base = bound.replacement ? *bound.replacement : site.linear;
    if (!change.magnitude.empty()) {
      bound.row_gain = make_floats(
          row_gains(change.magnitude, base, change.down, change.up));
    }
    if (!change.column_magnitude.empty()) {
      bound.gain = make_floats(column_gains(change, base));
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
};

std::shared_ptr<const Adapter> make_adapter(const Backend& backend,
                                            const io::AdapterFile& file) {
  return AdapterBinder(backend, file).bind();
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
