// Weight matrices in every storage a backend has kernels for, and products
// with them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "mlx/array.h"
#include "ops/backend.h"

namespace abstractllm::io {
class WeightMatrix;
}

namespace abstractllm::ops {

namespace cpu {
class PackedMatrix;
}

/// (out, in) in the compute type.
struct DenseWeight {
  mlx::core::array weight;
};

/// MLX's packed affine quantisation: w = scale * code + bias per group.
struct AffineWeight {
  mlx::core::array codes;   ///< (out, in * bits / 32) uint32
  mlx::core::array scales;  ///< (out, in / group_size)
  mlx::core::array biases;  ///< (out, in / group_size)
  int group_size;
  int bits;
};

/// The layout of our CPU kernels.
struct PackedWeight {
  std::shared_ptr<const cpu::PackedMatrix> matrix;
};

/// y = x W^T + b. Also serves as an embedding table, so that tied embeddings
/// exist once. Immutable; copies share the weights.
class Linear {
 public:
  using Storage = std::variant<DenseWeight, AffineWeight, PackedWeight>;

  Linear(int outputs, int inputs, Backend backend, Storage storage,
         std::optional<mlx::core::array> bias)
      : outputs_(outputs),
        inputs_(inputs),
        backend_(std::move(backend)),
        storage_(std::move(storage)),
        bias_(std::move(bias)) {}

  /// Packed weights of bf16.
  bool is_bf16() const;

  int outputs() const { return outputs_; }
  int inputs() const { return inputs_; }
  const Backend& backend() const { return backend_; }
  const Storage& storage() const { return storage_; }
  /// (out) in the compute type.
  const std::optional<mlx::core::array>& bias() const { return bias_; }
  /// Null unless the weight is a PackedWeight.
  const cpu::PackedMatrix* packed() const {
    const auto* weight = std::get_if<PackedWeight>(&storage_);
    return weight ? weight->matrix.get() : nullptr;
  }

 private:
  int outputs_;
  int inputs_;
  Backend backend_;
  Storage storage_;
  std::optional<mlx::core::array> bias_;
};

/// Reads and lays out a stored matrix for `backend`. `bias` has one value per
/// row of `matrix`.
Linear make_linear(const Backend& backend, const io::WeightMatrix& matrix,
                   const std::optional<std::vector<float>>& bias = {});

/// x: (tokens, in) -> (tokens, out).
mlx::core::array linear(const mlx::core::array& x, const Linear& weight);

/// ids: (tokens) int32, evaluated, each in [0, out) -> (tokens, in).
mlx::core::array embed(const mlx::core::array& ids, const Linear& table);

/// A host vector as a float32 array.
mlx::core::array make_floats(const std::vector<float>& values);

/// A host vector as an array of the backend's compute type.
mlx::core::array make_vector(const Backend& backend,
                             const std::vector<float>& values);

}  // namespace abstractllm::ops
