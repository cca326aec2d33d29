// Checkpoint tensors by name, checked against the sizes that the config says,
// made into operands of a backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "io/weight_matrix.h"
#include "ops/blocks.h"
#include "ops/expert_linear.h"

namespace abstractllm::io {
class WeightSource;
}

namespace abstractllm::ops {
struct LinearSite;
}

namespace abstractllm::models {

enum class Bias { kNone, kIfPresent, kRequired };

/// Matrices, and the memory of those that are no file's.
struct OwnedMatrices {
  std::vector<io::WeightMatrix> matrices;
  std::vector<std::byte> bytes;
};

/// Rows `first` .. `first` + `count` - 1 of each head's `size` rows, and behind
/// each `count2` from `first2` on.
std::vector<std::int32_t> head_rows(int heads, int size, int first, int count,
                                    int first2 = 0, int count2 = 0);

/// Counts all tensors whose names begin with one of `prefixes` as read: parts
/// of a checkpoint that text does not need, such as towers for images.
void pass_over(const io::WeightSource& weights,
               const std::vector<std::string>& prefixes);

/// Names are the checkpoint's own (Hugging Face's). A missing tensor or a
/// wrong shape is a ModelLoadingError naming it. One thread at a time.
class WeightReader {
 public:
  WeightReader(const io::WeightSource& source, const ops::Backend& backend)
      : source_(source), backend_(backend) {}

  /// `module`.weight: (outputs, inputs), and `module`.bias: (outputs).
  ops::Linear linear(const std::string& module, int outputs, int inputs,
                     Bias bias) const;

  /// linear() of a matrix that the family has prepared itself, with its part
  /// of a bias.
  ops::Linear linear(const io::WeightMatrix& matrix,
                     const std::optional<std::vector<float>>& bias) const;

  /// linear() of rows `rows` of `module`, which has `module_outputs`, that the
  /// family has prepared itself. Adapters may change it.
  ops::Linear linear(const std::string& module, int module_outputs,
                     std::vector<std::int32_t> rows,
                     const io::WeightMatrix& matrix,
                     const std::optional<std::vector<float>>& bias) const;

  /// `module` holds layers one after the other: one Linear each of `outputs`.
  std::vector<ops::Linear> split_linear(const std::string& module,
                                        const std::vector<int>& outputs,
                                        int inputs, Bias bias) const;

  /// Rows `order` of `module`'s (outputs, inputs), in that order, and of its
  /// bias.
  ops::Linear pick_linear(const std::string& module, int outputs, int inputs,
                          const std::vector<std::int32_t>& order,
                          Bias bias) const;

  struct Part {
    std::string module;
    int outputs = 0;
  };
  /// The matrices of `parts` on top of each other, without biases.
  ops::Linear stacked_linear(const std::vector<Part>& parts, int inputs) const;

  /// A convolution whose stride is its kernel, as the product with patches laid
  /// out (channels, kernel...): `module`.weight is (outputs, channels,
  /// kernel...) or, from mlx-vlm, (outputs, kernel..., channels).
  ops::Linear patch_linear(const std::string& module, int outputs, int channels,
                           const std::vector<int>& kernel, Bias bias) const;

  /// The tensor `name`, (inputs, outputs), without a bias.
  ops::Linear transposed_linear(const std::string& name, int outputs,
                                int inputs) const;

  /// One (outputs, inputs) an expert: from `experts`I.`name` each, or from
  /// `stack`, (experts, outputs, inputs), where the checkpoint has that.
  ops::ExpertLinear experts(const std::string& experts, const std::string& name,
                            const std::string& stack, int count, int outputs,
                            int inputs) const;

  /// Rows `first` .. `first` + `outputs` - 1 of the `rows` rows of each expert
  /// of `stack`, (count, rows, inputs).
  ops::ExpertLinear expert_rows(const std::string& stack, int count, int rows,
                                int first, int outputs, int inputs) const;

  /// expert_rows() of a stack that is (count, inputs, rows).
  ops::ExpertLinear turned_expert_rows(const std::string& stack, int count,
                                       int rows, int first, int outputs,
                                       int inputs) const;

  /// Tells adapters that each expert in `read` has, of the `rows` outputs that
  /// `stack` has for it, those from `first` on in steps.
  void note_stack(const std::string& stack, int rows, int first, int step,
                  const ops::ExpertLinear& read) const;

  /// experts() from matrices that the family has prepared itself.
  ops::ExpertLinear experts(
      const std::vector<io::WeightMatrix>& matrices,
      const std::optional<std::vector<float>>& bias) const;

  /// `module`.weight: (size). `offset` is added to each weight, for families
  /// that store w - 1; then all are multiplied by `scale`. Layer norms take
  /// `module`.bias where there is one, unscaled.
  ops::Norm norm(ops::NormKind kind, const std::string& module, int size,
                 float eps, float offset = 0, float scale = 1) const;

  /// norm() of weights that the family has prepared itself, without a bias.
  ops::Norm norm(ops::NormKind kind, const std::vector<float>& weight,
                 float eps) const;

  /// (rows, columns) as stored, all leading dimensions taken together.
  io::WeightMatrix matrix(const std::string& module, int rows,
                          int columns) const;

  /// `count` matrices of (outputs, inputs) that are stored as (inputs, outputs)
  /// of floating point, one after the other.
  OwnedMatrices transposed(const std::string& module, int count, int outputs,
                           int inputs) const;

  /// Any shape of `size` elements, widened; codes of quantised tables are
  /// decoded.
  std::vector<float> vector(const std::string& name, std::int64_t size) const;

  /// tanh of the one element of `name`: a gate that opens from nothing.
  float tanh_gate(const std::string& name) const;

  bool has_matrix(const std::string& module) const;
  /// The first of `prefixes` before which there is a matrix `module`; else
  /// `otherwise`.
  std::string prefix_of(const std::string& module,
                        std::initializer_list<const char*> prefixes,
                        const char* otherwise) const;
  bool has_vector(const std::string& name) const;

  const ops::Backend& backend() const { return backend_; }
  const io::WeightSource& source() const { return source_; }

 private:
  // Tells adapters what they may change.
  void note_site(ops::LinearSite site) const;
  // Likewise of one expert's matrix; no rows: a module of its own.
  void note_expert(const ops::ExpertLinear& experts, int number,
                   const std::string& module, int rows_of_each,
                   std::vector<std::int32_t> rows) const;
  std::vector<float> stored_values(const std::string& name) const;
  std::optional<std::vector<float>> bias_of(const std::string& module,
                                            int outputs, Bias bias) const;

  const io::WeightSource& source_;
  const ops::Backend& backend_;
};

/// What the names of the modules of a language model begin with that may stand
/// beside towers: "model." where it is alone.
std::string language_prefix(const WeightReader& weights);

}  // namespace abstractllm::models
