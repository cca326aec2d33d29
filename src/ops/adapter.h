// Adapters at run time: some rows of a step go through changed weights, next to
// rows that do not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ops/expert_linear.h"
#include "ops/linear.h"

namespace abstractllm::io {
class AdapterFile;
}

namespace abstractllm::ops {

/// One of a stack of matrices that backends without packed weights have.
struct ExpertPlace {
  std::uintptr_t stack = 0;  ///< what tells it from others
  int experts = 0;
  int expert = 0;
};

/// Which part of a checkpoint's module a Linear is.
struct LinearSite {
  std::string module;
  int module_outputs = 0;
  /// Rows of the module that this has, in their order; empty: all of them.
  std::vector<std::int32_t> rows;
  Linear linear;
  /// How many experts lie in the module.
  int experts = 1;
  /// Where they begin in `linear`, which may have those of other modules, too.
  int first = 0;
  /// `linear` is a view of one expert's matrix; nothing: a layer of its own.
  std::optional<ExpertPlace> place = std::nullopt;

  /// Rows of the module, as many as `linear` has of it.
  std::vector<std::int32_t> module_rows() const;
};

/// x W^T becomes gain * (x R^T + (x D^T) U^T) + bias, where R stands for W if
/// nothing replaces it. One at least is there.
struct LinearChange {
  std::optional<Linear> down;            ///< D: (rank, inputs)
  std::optional<Linear> up;              ///< U: (outputs, rank), if there is D
  std::optional<mlx::core::array> gain;  ///< (outputs) float32; absent: 1
  std::optional<Linear> replacement;     ///< R: (outputs, inputs)
  std::optional<mlx::core::array> bias;  ///< (outputs) float32; absent: 0
  /// Of a table: (vocabulary) float32; absent: 1.
  std::optional<mlx::core::array> row_gain;
};

/// LinearChange of all experts of a stack, those that do not change with zeros
/// and ones, in the compute type; nothing replaces one.
struct ExpertChange {
  mlx::core::array down;                 ///< (experts, rank, inputs)
  mlx::core::array up;                   ///< (experts, outputs, rank)
  std::optional<mlx::core::array> gain;  ///< (experts, outputs)
  std::optional<mlx::core::array> bias;  ///< (experts, outputs)
};

/// The changes of one adapter for one loaded model. Immutable.
class Adapter {
 public:
  /// Null where the weight stays as it is.
  const LinearChange* of(const Linear& weight) const {
    return find(linears_, key_of(weight));
  }
  const LinearChange* of(const cpu::PackedMatrix& weight) const {
    return find(linears_, key_of(weight));
  }
  /// REQUIRES: not packed.
  const ExpertChange* of(const ExpertLinear& weight) const {
    return find(experts_, weight.stack_key());
  }
  /// Of a table of embeddings: D is (hidden, rank), U (vocabulary, rank), so
  /// that row i becomes R[i] + U[i] D^T, each of its columns times `gain`, all
  /// of it times `row_gain`; no bias.
  const LinearChange* of_table(const Linear& table) const {
    return find(tables_, key_of(table));
  }
  const LinearChange* of_table(const cpu::PackedMatrix& table) const {
    return find(tables_, key_of(table));
  }

 private:
  friend class AdapterBinder;
  template <typename Change>
  using Changes = std::unordered_map<std::uintptr_t, Change>;
  // What tells one weight from another, whoever holds a copy.
  static std::uintptr_t key_of(const cpu::PackedMatrix& weight) {
    return reinterpret_cast<std::uintptr_t>(&weight);
  }
  static std::uintptr_t key_of(const Linear& weight);
  template <typename Change>
  static const Change* find(const Changes<Change>& changes,
                            std::uintptr_t key) {
    const auto found = changes.find(key);
    return found == changes.end() ? nullptr : &found->second;
  }

  Changes<LinearChange> linears_;
  Changes<LinearChange> tables_;
  Changes<ExpertChange> experts_;
};

/// Rows [first, first + count) of a step, all under one adapter.
struct RowChange {
  int first = 0;
  int count = 0;
  std::shared_ptr<const Adapter> adapter;
};
/// Ascending; rows that are not in it are not changed.
using RowChanges = std::vector<RowChange>;

/// Shared by all weights of a loaded model. Engine thread.
struct Adaptation {
  /// What adapters can change; filled while the model loads.
  std::vector<LinearSite> sites;
  /// Modules that only fusing changes: they are laid out in another way.
  std::vector<std::string> fixed;
  /// Of the operations that go into a graph next; set by AdapterScope.
  std::shared_ptr<const RowChanges> next;
};

/// While it lives, operations that go into a graph are for rows that `changes`
/// describes. Nothing happens where the backend has no adaptation.
class AdapterScope {
 public:
  AdapterScope(const Backend& backend, RowChanges changes);
  ~AdapterScope();
  AdapterScope(const AdapterScope&) = delete;
  AdapterScope& operator=(const AdapterScope&) = delete;

 private:
  void set(std::shared_ptr<const RowChanges> changes);
  const Backend& backend_;
};

/// Lays out the changes of `file` for a model whose weights were made for
/// `backend`. Throws ModelLoadingError naming the module, and both shapes where
/// they differ; UnsupportedFeatureError for what can only be fused.
std::shared_ptr<const Adapter> make_adapter(const Backend& backend,
                                            const io::AdapterFile& file);

/// `y` = x W^T + b with the changes of the rows that are being put into a
/// graph. REQUIRES: weight is not packed.
mlx::core::array apply_changes(const mlx::core::array& x, mlx::core::array y,
                               const Linear& weight);

/// Likewise for experts. x: (tokens, 1 or chosen, inputs), experts: (tokens,
/// chosen), y: (tokens, chosen, outputs) without the bias of `weight`.
mlx::core::array apply_changes(const mlx::core::array& x, mlx::core::array y,
                               const ExpertLinear& weight,
                               const mlx::core::array& experts);

/// Likewise for rows of a table. ids: (tokens) int32, evaluated.
mlx::core::array apply_table_changes(const mlx::core::array& ids,
                                     mlx::core::array rows,
                                     const Linear& table);

}  // namespace abstractllm::ops
