// Products with weights on stock MLX, and the layout of stored matrices for it.
// SPDX-License-Identifier: Apache-2.0
#include "ops/linear.h"

#include <cstdint>
#include <cstring>

#include "io/weight_matrix.h"
#include "mlx/ops.h"
#include "ops/adapter.h"
#include "ops/cpu/weight_rows.h"
#include "ops/cpu_adapted.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"
#include "ops/shapes_only.h"
#include "ops/weight_memory.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// Appends `codes` of `bits` each to a stream of 32-bit words, lowest bits
// first: the layout of mlx::core::quantize.
void pack_codes(const std::vector<std::uint8_t>& codes, int bits,
                std::uint32_t* words) {
  std::uint64_t pending = 0;
  int filled = 0;
  for (const std::uint8_t code : codes) {
    pending |= static_cast<std::uint64_t>(code) << filled;
    filled += bits;
    if (filled >= 32) {
      *words++ = static_cast<std::uint32_t>(pending);
      pending >>= 32;
      filled -= 32;
    }
  }
}

Linear::Storage make_affine(const Backend& backend,
                            const io::WeightMatrix& matrix) {
  const auto rows = static_cast<int>(matrix.rows());
  const auto columns = static_cast<int>(matrix.columns());
  const int bits = matrix.bits();
  const int groups = columns / matrix.group_size();
  const int words = columns * bits / 32;
  std::vector<std::uint32_t> packed(static_cast<std::size_t>(rows) * words);
  std::vector<float> scales(static_cast<std::size_t>(rows) * groups);
  std::vector<float> biases(scales.size());
  std::vector<std::uint8_t> codes(columns);
  for (int row = 0; row < rows; ++row) {
    const std::size_t first_group = static_cast<std::size_t>(row) * groups;
    matrix.read_row_affine(row, codes,
                           std::span(scales).subspan(first_group, groups),
                           std::span(biases).subspan(first_group, groups));
    pack_codes(codes, bits, &packed[static_cast<std::size_t>(row) * words]);
  }
  const mx::Shape group_shape{rows, groups};
  return AffineWeight{mx::array(packed.data(), {rows, words}, mx::uint32),
                      mx::array(scales.data(), group_shape, backend.compute),
                      mx::array(biases.data(), group_shape, backend.compute),
                      matrix.group_size(), bits};
}

Linear::Storage make_dense(const Backend& backend,
                           const io::WeightMatrix& matrix) {
  const auto rows = static_cast<int>(matrix.rows());
  const auto columns = static_cast<int>(matrix.columns());
  std::vector<float> values(static_cast<std::size_t>(rows) * columns);
  for (int row = 0; row < rows; ++row) {
    matrix.read_row(row, std::span(values).subspan(
                             static_cast<std::size_t>(row) * columns, columns));
  }
  return DenseWeight{
      mx::array(values.data(), {rows, columns}, backend.compute)};
}

Linear::Storage make_packed(const Backend& backend,
                            const io::WeightMatrix& matrix) {
  const bool exact = keeps_all_digits(backend.cpu->precision);
  return PackedWeight{
      std::make_shared<cpu::PackedMatrix>(cpu::PackedMatrix::pack(
          cpu::WeightRows(matrix, exact), backend.cpu->pool,
          {.round_scales = !exact, .arena = &backend.cpu->weights}))};
}

Linear::Storage make_storage(const Backend& backend,
                             const io::WeightMatrix& matrix) {
  if (ShapesOnly::active()) {
    ShapesOnly::count(matrix);
    return DenseWeight{mx::zeros(
        {static_cast<int>(matrix.rows()), static_cast<int>(matrix.columns())},
        backend.compute)};
  }
  if (backend.kind == BackendKind::kCpu) return make_packed(backend, matrix);
  if (stock_can_multiply(matrix)) return make_affine(backend, matrix);
  return make_dense(backend, matrix);
}

mx::array packed_linear(const mx::array& x, const Linear& weight) {
  const int rows = x.shape(0);
  return host_kernel(
      weight.backend().cpu, "Linear", {rows, weight.outputs()}, {x},
      [cpu = weight.backend().cpu,
       matrix = std::get<PackedWeight>(weight.storage()).matrix,
       bias = weight.bias(), rows](auto inputs, float* output) {
        cpu->input.set(inputs[0], rows, matrix->columns());
        run_linear(*cpu, cpu->input,
                   {{.weights = matrix.get(),
                     .y = output,
                     .bias = bias ? bias->data<float>() : nullptr}});
      });
}

// ids are on the host already; the kernel only decodes their rows.
mx::array packed_embed(const mx::array& ids, const Linear& table) {
  const auto* data = ids.data<std::int32_t>();
  return host_kernel(
      table.backend().cpu, "Embed", {ids.shape(0), table.inputs()}, {},
      [table, rows = std::vector<std::int32_t>(data, data + ids.size())](
          auto /*inputs*/, float* output) {
        table.packed()->gather_rows(rows, output);
        change_table_rows(*table.backend().cpu, table, rows, output);
      });
}

}  // namespace

bool Linear::is_bf16() const {
  return packed() != nullptr &&
         packed()->layout().shape.encoding == cpu::WeightEncoding::kBF16;
}

mx::array make_floats(const std::vector<float>& values) {
  return mx::array(values.data(), {static_cast<int>(values.size())},
                   mx::float32);
}

mx::array make_vector(const Backend& backend,
                      const std::vector<float>& values) {
  return mx::array(values.data(), {static_cast<int>(values.size())},
                   backend.compute);
}

Linear make_linear(const Backend& backend, const io::WeightMatrix& matrix,
                   const std::optional<std::vector<float>>& bias) {
  std::optional<mx::array> bias_array;
  if (bias) bias_array = make_vector(backend, *bias);
  return Linear(static_cast<int>(matrix.rows()),
                static_cast<int>(matrix.columns()), backend,
                make_storage(backend, matrix), std::move(bias_array));
}

mx::array linear(const mx::array& x, const Linear& weight) {
  if (weight.packed()) return packed_linear(x, weight);
  mx::array y = [&] {
    if (const auto* affine = std::get_if<AffineWeight>(&weight.storage())) {
      return mx::quantized_matmul(x, affine->codes, affine->scales,
                                  affine->biases, /* transpose = */ true,
                                  affine->group_size, affine->bits);
    }
    const auto& dense = std::get<DenseWeight>(weight.storage());
    return mx::matmul(x, mx::transpose(dense.weight));
  }();
  if (weight.bias()) y = y + *weight.bias();
  return apply_changes(x, std::move(y), weight);
}

mx::array embed(const mx::array& ids, const Linear& table) {
  if (table.packed()) return packed_embed(ids, table);
  if (const auto* affine = std::get_if<AffineWeight>(&table.storage())) {
    return apply_table_changes(ids,
                               mx::dequantize(mx::take(affine->codes, ids, 0),
                                              mx::take(affine->scales, ids, 0),
                                              mx::take(affine->biases, ids, 0),
                                              affine->group_size, affine->bits),
                               table);
  }
  return apply_table_changes(
      ids, mx::take(std::get<DenseWeight>(table.storage()).weight, ids, 0),
      table);
}

}  // namespace abstractllm::ops
