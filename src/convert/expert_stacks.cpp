// Names and shapes as checkpoints have them, refused where they do not fit.
// SPDX-License-Identifier: Apache-2.0
#include "convert/expert_stacks.h"

#include <charconv>

#include "abstractllm/error.h"

namespace abstractllm::convert {
namespace {

[[noreturn]] void refuse(const io::WeightMatrix& matrix,
                         const std::string& expected) {
  std::string shape;
  for (const std::int64_t size : matrix.leading_shape()) {
    shape += std::to_string(size) + ", ";
  }
  throw ModelLoadingError(
      "[convert] '" + matrix.name() + "' of shape (" + shape +
          std::to_string(matrix.columns()) + "): expected " + expected,
      "The file does not fit its config.json, or is damaged.");
}

}  // namespace

std::optional<Expert> parse_expert(std::string_view module) {
  constexpr std::string_view kExperts = ".experts.";
  const std::size_t at = module.find(kExperts);
  if (at == module.npos) return std::nullopt;
  const char* end = module.data() + module.size();
  int index = 0;
  const auto parsed =
      std::from_chars(module.data() + at + kExperts.size(), end, index);
  if (parsed.ec != std::errc{} || parsed.ptr == end || *parsed.ptr != '.') {
    return std::nullopt;
  }
  return Expert{std::string(module.substr(0, at)), index,
                std::string(parsed.ptr + 1, end)};
}

std::string stacked_name(const std::string& name) {
  if (name == "w1") return "gate_proj";
  if (name == "w2") return "down_proj";
  return name == "w3" ? "up_proj" : name;
}

std::int64_t count_experts(const io::WeightMatrix& stack) {
  const auto& leading = stack.leading_shape();
  if (leading.size() != 2 || leading[0] < 1 || stack.rows() % leading[0] != 0) {
    refuse(stack, "(experts, rows, columns)");
  }
  return leading[0];
}

std::int64_t half_of(const io::WeightMatrix& matrix, std::int64_t rows) {
  if (rows < 2 || rows % 2 != 0) refuse(matrix, "an even number of outputs");
  return rows / 2;
}

std::vector<io::WeightMatrix> same_sized(
    const io::WeightSource& weights, const std::vector<std::string>& modules) {
  std::vector<io::WeightMatrix> matrices;
  for (const std::string& module : modules) {
    matrices.push_back(weights.matrix(module));
    const io::WeightMatrix& first = matrices.front();
    const io::WeightMatrix& last = matrices.back();
    if (last.rows() != first.rows() || last.columns() != first.columns()) {
      refuse(last, "(" + std::to_string(first.rows()) + ", " +
                       std::to_string(first.columns()) +
                       "), as the other experts have");
    }
  }
  return matrices;
}

Order rows_of_blocks(std::int64_t blocks, std::int64_t rows, std::int64_t first,
                     std::int64_t count, std::int64_t step) {
  Order order;
  order.reserve(static_cast<std::size_t>(blocks * count));
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t i = 0; i < count; ++i) {
      order.push_back(
          static_cast<std::int32_t>(block * rows + first + i * step));
    }
  }
  return order;
}

}  // namespace abstractllm::convert
