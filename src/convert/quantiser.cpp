// The calls of MLX, in pieces that fit into memory.
// SPDX-License-Identifier: Apache-2.0
#include "convert/quantiser.h"

#include <algorithm>
#include <vector>

#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace abstractllm::convert {

namespace mx = mlx::core;

namespace {

// Numbers computed at a time: 16 MB as floats, so that a large matrix needs no
// more memory than a small one, and enough of them for MLX's calls not to
// count.
constexpr std::int64_t kPieceNumbers = std::int64_t{4} << 20;

mx::Dtype dtype_of(const std::string& type) {
  if (type == "F16") return mx::float16;
  return type == "BF16" ? mx::bfloat16 : mx::float32;
}

void give(const mx::array& piece, std::size_t tensor, const PieceSink& sink) {
  mx::array plain = mx::contiguous(piece);
  plain.eval();
  sink(tensor, {plain.data<std::byte>(), plain.nbytes()});
}

mx::array rounded(const std::vector<float>& values, mx::Shape shape,
                  const std::string& type) {
  return mx::astype(mx::array(values.data(), std::move(shape), mx::float32),
                    dtype_of(type), mx::Device::cpu);
}

void write_rows(const io::WeightMatrix& matrix, const PlannedModule& module,
                std::int64_t first, std::int64_t count, const PieceSink& sink) {
  const std::int64_t columns = matrix.columns();
  std::vector<float> values(static_cast<std::size_t>(count * columns));
  for (std::int64_t row = 0; row < count; ++row) {
    matrix.read_row(first + row,
                    std::span(values).subspan(std::size_t(row * columns),
                                              std::size_t(columns)));
  }
  const mx::array numbers =
      rounded(values, {static_cast<int>(count), static_cast<int>(columns)},
              module.dtype);
  if (!module.quantisation) return give(numbers, 0, sink);
  const Quantisation& q = *module.quantisation;
  const std::vector<mx::array> parts = mx::quantize(
      numbers, q.group_size, q.bits, q.mode, std::nullopt, mx::Device::cpu);
  for (std::size_t i = 0; i < module.tensors.size(); ++i) {
    give(parts.at(i), i, sink);
  }
}

}  // namespace

void write_module(const io::WeightSource& weights, const PlannedModule& module,
                  const PieceSink& sink) {
  if (module.kind == PlannedModule::Kind::kVector) {
    const std::vector<float> values =
        module.values.empty() ? weights.vector(module.source) : module.values;
    if (values.empty()) return;
    return give(
        rounded(values, {static_cast<int>(values.size())}, module.dtype), 0,
        sink);
  }
  for (const io::WeightMatrix& matrix : module.matrices()) {
    const std::int64_t step =
        std::max<std::int64_t>(1, kPieceNumbers / matrix.columns());
    for (std::int64_t row = 0; row < matrix.rows(); row += step) {
      write_rows(matrix, module, row, std::min(step, matrix.rows() - row),
                 sink);
    }
    matrix.advise_dontneed();
  }
}

}  // namespace abstractllm::convert
