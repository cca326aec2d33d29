// One class a layout; rows are decoded when they are asked for.
// SPDX-License-Identifier: Apache-2.0
#include "io/packed_checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "io/block_decoders.h"
#include "io/half.h"
#include "io/integer_rows.h"
#include "io/small_float_rows.h"

namespace abstractllm::io {
namespace {

[[noreturn]] void fail(const StoredTensor& tensor, const std::string& what) {
  throw ModelLoadingError(
      fmt::format("[weights] {}: {}", tensor.describe(), what));
}

const StoredTensor& require(const TensorLookup& find, const std::string& name,
                            const StoredTensor& beside) {
  if (const StoredTensor* tensor = find(name)) return *tensor;
  fail(beside, fmt::format("there is no tensor '{}'", name));
}

void expect_shape(const StoredTensor& tensor,
                  const std::vector<std::int64_t>& expected) {
  if (tensor.shape != expected) {
    fail(tensor, fmt::format("expected {}", shape_text(expected)));
  }
}

void expect_words(const StoredTensor& tensor) {
  if (tensor.type != StorageType::kI32 && tensor.type != StorageType::kU32) {
    fail(tensor, "expected packed codes of type I32");
  }
  if (tensor.shape.size() != 2 || tensor.element_count() == 0) {
    fail(tensor, "expected a matrix");
  }
}

// Columns of the largest group that the kernels take and a stored group is
// made of whole ones of; 0 if there is none.
int kernel_group(std::int64_t stored, std::int64_t columns) {
  for (const int group : {128, 64, 32, 16}) {
    if (stored % group == 0 && columns % group == 0) return group;
  }
  return 0;
}

IntegerLayout group_layout(const StoredTensor& weight, std::int64_t outputs,
                           std::int64_t inputs, int bits, std::int64_t groups) {
  if (inputs <= 0 || outputs <= 0 || groups <= 0 || inputs % groups != 0) {
    fail(weight,
         fmt::format("{} columns do not fall into {} groups", inputs, groups));
  }
  return {.outputs = outputs,
          .inputs = inputs,
          .bits = bits,
          .stored_group = inputs / groups,
          .kernel_group = kernel_group(inputs / groups, inputs)};
}

WeightMatrix integer_matrix(const StoredTensor& weight,
                            const IntegerLayout& layout,
                            std::shared_ptr<const IntegerRows> rows) {
  const int group = rows->has_groups() ? layout.kernel_group : 0;
  return WeightMatrix::computed(
      {.name = weight.name,
       .leading_shape = {layout.outputs},
       .columns = layout.inputs,
       .encoding = group > 0 ? WeightEncoding::kAffine : WeightEncoding::kDense,
       .bits = group > 0 ? layout.bits : 16,
       .group_size = group,
       .element_type = StorageType::kF16,
       .stored_bytes = weight.bytes.size()},
      std::move(rows));
}

int checked_bits(const QuantizationConfig& config, const StoredTensor& weight) {
  const std::int64_t bits = config.packed().bits;
  if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
    fail(weight, fmt::format("codes of {} bits are not supported", bits));
  }
  return static_cast<int>(bits);
}

WeightMatrix read_gptq(const QuantizationConfig& config,
                       const std::string& module, const TensorLookup& find,
                       const StoredTensor& weight) {
  expect_words(weight);
  const int bits = checked_bits(config, weight);
  const StoredTensor& scales = require(find, module + ".scales", weight);
  const StoredTensor& zeros = require(find, module + ".qzeros", weight);
  const StoredTensor* order = find(module + ".g_idx");
  expect_words(zeros);
  const std::int64_t inputs = weight.shape[0] * 32 / bits;
  const std::int64_t outputs = weight.shape[1];
  const std::int64_t groups = scales.shape.empty() ? 0 : scales.shape[0];
  const IntegerLayout layout =
      group_layout(weight, outputs, inputs, bits, groups);
  expect_shape(scales, {groups, outputs});
  expect_shape(zeros, {groups, outputs * bits / 32});
  if (order != nullptr) expect_shape(*order, {inputs});
  return integer_matrix(
      weight, layout,
      std::make_shared<GptqRows>(layout, weight, scales, zeros, order,
                                 config.packed().zeros_less_one));
}

WeightMatrix read_awq(const QuantizationConfig& config,
                      const std::string& module, const TensorLookup& find,
                      const StoredTensor& weight) {
  expect_words(weight);
  if (checked_bits(config, weight) != 4) {
    fail(weight, "codes of AWQ are expected to have 4 bits");
  }
  const StoredTensor& scales = require(find, module + ".scales", weight);
  const StoredTensor& zeros = require(find, module + ".qzeros", weight);
  expect_words(zeros);
  const std::int64_t inputs = weight.shape[0];
  const std::int64_t outputs = weight.shape[1] * 8;
  const std::int64_t groups = scales.shape.empty() ? 0 : scales.shape[0];
  const IntegerLayout layout = group_layout(weight, outputs, inputs, 4, groups);
  expect_shape(scales, {groups, outputs});
  expect_shape(zeros, {groups, outputs / 8});
  return integer_matrix(
      weight, layout, std::make_shared<AwqRows>(layout, weight, scales, zeros));
}

// compressed-tensors' `weight_g_idx`. It begins as a row of -1, and one that
// still has them says nothing.
const StoredTensor* read_order(const TensorLookup& find,
                               const std::string& module, std::int64_t inputs) {
  const StoredTensor* order = find(module + ".weight_g_idx");
  if (order == nullptr) return nullptr;
  expect_shape(*order, {inputs});
  if (order->type != StorageType::kI32) return order;
  for (std::int64_t i = 0; i < inputs; ++i) {
    std::int32_t group;
    std::memcpy(&group, order->bytes.data() + i * 4, sizeof(group));
    if (group == -1) return nullptr;
  }
  return order;
}

// compressed-tensors' "pack-quantized".
WeightMatrix read_packed_rows(const QuantizationConfig& config,
                              const std::string& module,
                              const TensorLookup& find,
                              const StoredTensor& weight) {
  expect_words(weight);
  const int bits = checked_bits(config, weight);
  const StoredTensor& scales = require(find, module + ".weight_scale", weight);
  const StoredTensor* zeros = find(module + ".weight_zero_point");
  find(module + ".weight_shape");
  const std::int64_t outputs = weight.shape[0];
  const std::int64_t inputs = weight.shape[1] * 32 / bits;
  const std::int64_t groups = scales.shape.size() == 2 ? scales.shape[1] : 0;
  const IntegerLayout layout =
      group_layout(weight, outputs, inputs, bits, groups);
  expect_shape(scales, {outputs, groups});
  if (zeros != nullptr) {
    expect_words(*zeros);
    expect_shape(*zeros, {(outputs * bits + 31) / 32, groups});
  }
  return integer_matrix(
      weight, layout,
      std::make_shared<PackedIntegerRows>(layout, weight, scales, zeros,
                                          read_order(find, module, inputs)));
}

WeightMatrix read_int8(const std::string& module, const TensorLookup& find,
                       const StoredTensor& weight) {
  const StoredTensor& scales = require(find, module + ".weight_scale", weight);
  if (weight.shape.size() != 2 || weight.element_count() == 0) {
    fail(weight, "expected a matrix");
  }
  if (scales.element_count() != weight.shape[0] &&
      scales.element_count() != 1) {
    fail(scales, fmt::format("expected {} scales or one", weight.shape[0]));
  }
  const IntegerLayout layout =
      group_layout(weight, weight.shape[0], weight.shape[1], 8, 1);
  return integer_matrix(weight, layout,
                        std::make_shared<Int8Rows>(layout, weight, scales));
}

}  // namespace

std::optional<WeightMatrix> read_packed(const QuantizationConfig& config,
                                        const std::string& module,
                                        const TensorLookup& find) {
  if (const StoredTensor* weight = find(module + ".qweight")) {
    return config.packed().method == PackedMethod::kAwq
               ? read_awq(config, module, find, *weight)
               : read_gptq(config, module, find, *weight);
  }
  if (const StoredTensor* weight = find(module + ".weight_packed")) {
    if (weight->type == StorageType::kU8) {
      return read_nvfp4_rows(
          *weight, require(find, module + ".weight_scale", *weight),
          require(find, module + ".weight_global_scale", *weight));
    }
    return read_packed_rows(config, module, find, *weight);
  }
  const StoredTensor* weight = find(module + ".weight");
  if (weight == nullptr) return std::nullopt;
  if (weight->type == StorageType::kI8) return read_int8(module, find, *weight);
  if (weight->type != StorageType::kF8E4M3) return std::nullopt;
  // What activations would be scaled by, which stay as they are here.
  find(module + ".input_scale");
  find(module + ".activation_scale");
  for (const char* ending : {".weight_scale_inv", ".weight_scale"}) {
    if (const StoredTensor* scales = find(module + ending)) {
      return read_fp8(*weight, *scales, config.packed().block);
    }
  }
  return std::nullopt;
}

}  // namespace abstractllm::io
