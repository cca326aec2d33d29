// The same linear layer of all experts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "ops/linear.h"

namespace abstractllm::ops {

/// One (out, in) matrix an expert, all stored alike. Immutable; copies share
/// the weights.
class ExpertLinear {
 public:
  /// Of our CPU kernels: a layer an expert.
  using Packed = std::vector<Linear>;
  /// Stacked weights have the experts as leading axis.
  using Storage = std::variant<DenseWeight, AffineWeight, Packed>;

  ExpertLinear(int outputs, const Backend& backend, Storage storage,
               std::optional<mlx::core::array> bias)
      : outputs_(outputs),
        backend_(backend),
        storage_(std::move(storage)),
        bias_(std::move(bias)) {}

  int outputs() const { return outputs_; }
  int experts() const;
  const Backend& backend() const { return backend_; }
  const Storage& storage() const { return storage_; }
  /// (experts, out); absent where packed layers carry their own.
  const std::optional<mlx::core::array>& bias() const { return bias_; }
  /// Null unless packed.
  const Packed* packed() const { return std::get_if<Packed>(&storage_); }
  /// Tells a stack from others, whoever holds a copy. REQUIRES: not packed.
  std::uintptr_t stack_key() const;
  /// One expert's layer, or a view of it without a bias.
  Linear expert(int number) const;

 private:
  int outputs_;
  Backend backend_;
  Storage storage_;
  std::optional<mlx::core::array> bias_;
};

/// Reads and lays out one matrix an expert. `bias` has the rows of all experts
/// one after the other. REQUIRES: experts is not empty, all of one shape and
/// encoding.
ExpertLinear make_expert_linear(const Backend& backend,
                                const std::vector<io::WeightMatrix>& experts,
                                const std::optional<std::vector<float>>& bias);

/// x: (tokens, 1 or chosen, in), experts: (tokens, chosen) ->
/// (tokens, chosen, out). REQUIRES: not packed.
mlx::core::array expert_linear(const mlx::core::array& x,
                               const ExpertLinear& weight,
                               const mlx::core::array& experts);

}  // namespace abstractllm::ops
