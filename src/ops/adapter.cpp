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
#include "io/weight_matrix.h"
#include "mlx/ops.h"
#include "ops/cpu_state.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// Rows decoded at a time for their lengths.
constexpr int kNormRows = 256;

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
    for (const io::LowRankChange& change : file_.changes()) bind(change);
    for (const auto& [name, tensor] : file_.replacements()) {
      bind_replacement(name, tensor);
    }
    return std::make_shared<const Adapter>(std::move(adapter_));
  }

 private:
  // All parts of a module; at least one.
  std::vector<const LinearSite*> sites_of(const std::string& module) const {
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
    if (!found.empty()) return found;
    std::vector<std::string> known;
    for (const LinearSite& site : backend_.adaptation->sites) {
      known.push_back(site.module);
    }
    io::throw_unknown_module(file_, module, known);
  }

  static std::vector<std::int32_t> rows_of(const LinearSite& site) {
    if (!site.rows.empty()) return site.rows;
    std::vector<std::int32_t> rows(
        static_cast<std::size_t>(site.linear.outputs()));
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }

  void bind(const io::LowRankChange& change) {
    for (const LinearSite* site : sites_of(change.module)) {
      if (change.outputs != site->module_outputs ||
          change.inputs != site->linear.inputs()) {
        io::throw_misfit(file_, change, site->module_outputs,
                         site->linear.inputs());
      }
      if (change.is_table) {
        bind_table(change, *site);
      } else {
        bind_linear(change, *site);
      }
    }
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
    for (const std::int32_t row : rows) {
      const auto first = change.up.begin() + row * change.rank;
      up.insert(up.end(), first, first + change.rank);
    }
    LinearChange bound{
        .down = make_linear(backend_, dense_matrix(change.module, change.rank,
                                                   change.inputs, down)),
        .up = make_linear(
            backend_,
            dense_matrix(change.module, static_cast<std::int64_t>(rows.size()),
                         change.rank, up))};
    if (!change.magnitude.empty()) {
      bound.gain = make_floats(gains(change, site, rows, down, up));
    }
    adapter_.linears_.insert_or_assign(Adapter::key_of(site.linear),
                                       std::move(bound));
  }

  // Magnitudes over the lengths of the changed rows.
  static std::vector<float> gains(const io::LowRankChange& change,
                                  const LinearSite& site,
                                  const std::vector<std::int32_t>& rows,
                                  std::span<const float> down,
                                  const std::vector<float>& up) {
    std::vector<float> gains;
    const int inputs = site.linear.inputs();
    for (int first = 0; first < site.linear.outputs(); first += kNormRows) {
      const int count = std::min(kNormRows, site.linear.outputs() - first);
      mx::array ids = mx::arange(first, first + count, mx::int32);
      ids.eval();
      mx::array base =
          mx::contiguous(mx::astype(embed(ids, site.linear), mx::float32));
      base.eval();
      for (int i = 0; i < count; ++i) {
        std::vector<float> row(
            base.data<float>() + std::int64_t{i} * inputs,
            base.data<float>() + std::int64_t{i + 1} * inputs);
        for (std::int64_t r = 0; r < change.rank; ++r) {
          const float factor = up[std::size_t((first + i) * change.rank + r)];
          for (int j = 0; j < inputs; ++j) {
            row[std::size_t(j)] += factor * down[std::size_t(r * inputs + j)];
          }
        }
        double square = 0;
        for (const float value : row) square += double{value} * value;
        gains.push_back(static_cast<float>(
            change.magnitude[std::size_t(rows[std::size_t(first + i)])] /
            std::sqrt(square)));
      }
    }
    return gains;
  }

  void bind_table(const io::LowRankChange& change, const LinearSite& site) {
    if (!change.magnitude.empty()) refuse(change.module);
    std::vector<float> turned(change.down.size());
    for (std::int64_t r = 0; r < change.rank; ++r) {
      for (std::int64_t i = 0; i < change.inputs; ++i) {
        turned[std::size_t(i * change.rank + r)] =
            change.down[std::size_t(r * change.inputs + i)];
      }
    }
    adapter_.tables_.insert_or_assign(
        Adapter::key_of(site.linear),
        LinearChange{.down = make_linear(
                         backend_, dense_matrix(change.module, change.inputs,
                                                change.rank, turned)),
                     .up = make_linear(
                         backend_, dense_matrix(change.module, change.outputs,
                                                change.rank, change.up))});
  }

  void bind_replacement(const std::string& name,
                        const io::StoredTensor& tensor) {
    constexpr std::string_view kEnding = ".weight";
    if (!name.ends_with(kEnding)) refuse(name);
    const std::string module = name.substr(0, name.size() - kEnding.size());
    if (tensor.shape.size() != 2) refuse(name);
    for (const LinearSite* site : sites_of(module)) {
      const io::WeightMatrix whole = io::WeightMatrix::plain(tensor);
      if (whole.rows() != site->module_outputs ||
          whole.columns() != site->linear.inputs()) {
        throw ModelLoadingError(
            "[adapter] " + tensor.describe() + ": the model has " +
            io::shape_text(std::vector<std::int64_t>{site->module_outputs,
                                                     site->linear.inputs()}));
      }
      const LinearChange change{
          .replacement = make_linear(
              backend_,
              site->rows.empty() ? whole : whole.permute_rows(site->rows))};
      adapter_.linears_.insert_or_assign(Adapter::key_of(site->linear), change);
      adapter_.tables_.insert_or_assign(Adapter::key_of(site->linear), change);
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
