// Stacks of weights, and products that pick from them, on stock MLX.
// SPDX-License-Identifier: Apache-2.0
#include "ops/expert_linear.h"

#include "io/weight_matrix.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "ops/adapter.h"
#include "ops/shapes_only.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

std::optional<std::vector<float>> bias_of(
    const std::optional<std::vector<float>>& bias, std::size_t expert,
    std::size_t experts) {
  if (!bias) return std::nullopt;
  const auto size = static_cast<std::ptrdiff_t>(bias->size() / experts);
  const auto first = bias->begin() + static_cast<std::ptrdiff_t>(expert) * size;
  return std::vector<float>(first, first + size);
}

// The member that `part` gives of each layer's weights, as one array.
template <typename Weight, typename Part>
mx::array stack(const std::vector<Linear>& layers, Part part) {
  std::vector<mx::array> arrays;
  arrays.reserve(layers.size());
  for (const Linear& layer : layers) {
    arrays.push_back(part(std::get<Weight>(layer.storage())));
  }
  mx::array stacked = mx::stack(arrays, 0);
  if (!ShapesOnly::active()) stacked.eval();
  return stacked;
}

ExpertLinear::Storage stack_storage(std::vector<Linear> layers) {
  if (layers.front().packed()) return layers;
  if (const auto* affine =
          std::get_if<AffineWeight>(&layers.front().storage())) {
    return AffineWeight{
        stack<AffineWeight>(layers, [](const auto& w) { return w.codes; }),
        stack<AffineWeight>(layers, [](const auto& w) { return w.scales; }),
        stack<AffineWeight>(layers, [](const auto& w) { return w.biases; }),
        affine->group_size, affine->bits};
  }
  return DenseWeight{
      stack<DenseWeight>(layers, [](const auto& w) { return w.weight; })};
}

// Matrix `number` of a stack.
mx::array one_of(const mx::array& stack, int number) {
  return mx::squeeze(mx::slice(stack, {number, 0, 0},
                               {number + 1, stack.shape(1), stack.shape(2)}),
                     0);
}

const mx::array& stacked_codes(const ExpertLinear& weight) {
  if (const auto* affine = std::get_if<AffineWeight>(&weight.storage())) {
    return affine->codes;
  }
  return std::get<DenseWeight>(weight.storage()).weight;
}

}  // namespace

int ExpertLinear::experts() const {
  return packed() ? static_cast<int>(packed()->size())
                  : stacked_codes(*this).shape(0);
}

std::uintptr_t ExpertLinear::stack_key() const {
  return stacked_codes(*this).id();
}

Linear ExpertLinear::expert(int number) const {
  if (packed()) return (*packed())[static_cast<std::size_t>(number)];
  if (const auto* affine = std::get_if<AffineWeight>(&storage_)) {
    return Linear(
        outputs_, affine->codes.shape(2) * 32 / affine->bits, backend_,
        AffineWeight{
            one_of(affine->codes, number), one_of(affine->scales, number),
            one_of(affine->biases, number), affine->group_size, affine->bits},
        std::nullopt);
  }
  const mx::array& stack = std::get<DenseWeight>(storage_).weight;
  return Linear(outputs_, stack.shape(2), backend_,
                DenseWeight{one_of(stack, number)}, std::nullopt);
}

ExpertLinear make_expert_linear(const Backend& backend,
                                const std::vector<io::WeightMatrix>& experts,
                                const std::optional<std::vector<float>>& bias) {
  const bool packs = backend.kind == BackendKind::kCpu;
  std::vector<Linear> layers;
  layers.reserve(experts.size());
  for (std::size_t i = 0; i < experts.size(); ++i) {
    layers.push_back(
        make_linear(backend, experts[i],
                    packs ? bias_of(bias, i, experts.size()) : std::nullopt));
  }
  const int outputs = layers.front().outputs();
  std::optional<mx::array> stacked_bias;
  if (bias && !packs) {
    stacked_bias = mx::reshape(make_vector(backend, *bias),
                               {static_cast<int>(experts.size()), outputs});
  }
  return ExpertLinear(outputs, backend, stack_storage(std::move(layers)),
                      std::move(stacked_bias));
}

mx::array expert_linear(const mx::array& x, const ExpertLinear& weight,
                        const mx::array& experts) {
  // One row a product: (tokens, 1 or chosen, 1, in).
  const mx::array rows = mx::expand_dims(x, 2);
  mx::array y = [&] {
    if (const auto* affine = std::get_if<AffineWeight>(&weight.storage())) {
      return mx::gather_qmm(rows, affine->codes, affine->scales, affine->biases,
                            std::nullopt, experts, /* transpose = */ true,
                            affine->group_size, affine->bits);
    }
    const auto& dense = std::get<DenseWeight>(weight.storage());
    return mx::gather_mm(rows, mx::swapaxes(dense.weight, 1, 2), std::nullopt,
                         experts);
  }();
  y = apply_changes(x, mx::squeeze(y, 2), weight, experts);
  return weight.bias() ? y + mx::take(*weight.bias(), experts, 0) : y;
}

}  // namespace abstractllm::ops
