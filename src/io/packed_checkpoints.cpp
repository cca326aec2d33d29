// One class a layout; rows are decoded when they are asked for.
// SPDX-License-Identifier: Apache-2.0
#include "io/packed_checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
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

// `said`: columns of a group as the config has them, which the last group may
// lack some of; 0 where it does not say.
IntegerLayout group_layout(const StoredTensor& weight, std::int64_t outputs,
                           std::int64_t inputs, int bits, std::int64_t groups,
                           std::int64_t said = 0) {
  const bool is_even = groups > 0 && inputs % groups == 0;
  const bool is_ragged =
      said > 0 && groups > 0 && (inputs + said - 1) / said == groups;
  if (inputs <= 0 || outputs <= 0 || (!is_even && !is_ragged)) {
    fail(weight,
         fmt::format("{} columns do not fall into {} groups", inputs, groups));
  }
  const std::int64_t group = is_even ? inputs / groups : said;
  return {.outputs = outputs,
          .inputs = inputs,
          .bits = bits,
          .stored_group = group,
          .groups = groups,
          .kernel_group = kernel_group(group, inputs)};
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
       .is_rounded = group == 0,
       .stored_bytes = weight.bytes.size()},
      std::move(rows));
}

// What the config says of the module whose tensor `weight` is.
PackedRule rule_of(const QuantizationConfig& config,
                   const StoredTensor& weight) {
  const std::string_view name = weight.name;
  return config.packed(name.substr(0, name.rfind('.')))
      .value_or(config.packed());
}

int checked_bits(std::int64_t bits, const StoredTensor& weight) {
  if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
    fail(weight, fmt::format("codes of {} bits are not supported", bits));
  }
  return static_cast<int>(bits);
}

// A module may have bits of its own (GPTQModel's `dynamic`), which the zeros of
// all outputs tell.
std::int64_t gptq_bits(std::int64_t said, std::int64_t outputs,
                       const StoredTensor& zeros) {
  const std::int64_t words = zeros.shape[1];
  if (words == outputs * said / 32) return said;
  for (const std::int64_t bits : {2, 3, 4, 8}) {
    if (words * 32 == outputs * bits) return bits;
  }
  return said;
}

WeightMatrix read_gptq(const QuantizationConfig& config,
                       const std::string& module, const TensorLookup& find,
                       const StoredTensor& weight) {
  expect_words(weight);
  const PackedRule rule = rule_of(config, weight);
  const StoredTensor& scales = require(find, module + ".scales", weight);
  const StoredTensor& zeros = require(find, module + ".qzeros", weight);
  const StoredTensor* order = find(module + ".g_idx");
  expect_words(zeros);
  const std::int64_t outputs = weight.shape[1];
  const int bits = checked_bits(gptq_bits(rule.bits, outputs, zeros), weight);
  const std::int64_t inputs = weight.shape[0] * 32 / bits;
  const std::int64_t groups = scales.shape.empty() ? 0 : scales.shape[0];
  const IntegerLayout layout =
      group_layout(weight, outputs, inputs, bits, groups, rule.group);
  expect_shape(scales, {groups, outputs});
  expect_shape(zeros, {groups, outputs * bits / 32});
  if (order != nullptr) expect_shape(*order, {inputs});
  return integer_matrix(
      weight, layout,
      std::make_shared<GptqRows>(layout, weight, scales, zeros, order,
                                 rule.zeros_less_one));
}

WeightMatrix read_awq(const QuantizationConfig& config,
                      const std::string& module, const TensorLookup& find,
                      const StoredTensor& weight) {
  expect_words(weight);
  if (checked_bits(rule_of(config, weight).bits, weight) != 4) {
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

// weight_shape; the words themselves may have room for further codes.
std::int64_t said_columns(const StoredTensor* shape, const StoredTensor& weight,
                          std::int64_t otherwise) {
  if (shape == nullptr) return otherwise;
  if (shape->element_count() != 2) fail(*shape, "expected rows and columns");
  std::int64_t values[2];
  if (shape->type == StorageType::kI64) {
    std::memcpy(values, shape->bytes.data(), sizeof(values));
  } else if (shape->type == StorageType::kI32) {
    std::int32_t narrow[2];
    std::memcpy(narrow, shape->bytes.data(), sizeof(narrow));
    std::copy(narrow, narrow + 2, values);
  } else {
    fail(*shape, "expected whole numbers");
  }
  if (values[0] != weight.shape[0] || values[1] < 1 || values[1] > otherwise) {
    fail(*shape, fmt::format("says [{}, {}] of {}", values[0], values[1],
                             shape_text(weight.shape)));
  }
  return values[1];
}

// Bits of the codes of rows of `columns` in so many words: each module of a
// mixed checkpoint has its own.
int packed_bits(std::int64_t said, const StoredTensor& weight,
                const StoredTensor* shape) {
  const auto fits = [&](std::int64_t bits, std::int64_t columns) {
    return (columns * bits + 31) / 32 == weight.shape[1];
  };
  if (shape != nullptr && shape->element_count() == 2) {
    const std::int64_t room = weight.shape[1] * 32;
    const std::int64_t columns = said_columns(shape, weight, room);
    for (const std::int64_t bits :
         {said, std::int64_t{4}, std::int64_t{8}, std::int64_t{2},
          std::int64_t{3}, std::int64_t{5}, std::int64_t{6}}) {
      if (fits(bits, columns)) return static_cast<int>(bits);
    }
  }
  return static_cast<int>(said);
}

// compressed-tensors' "pack-quantized".
WeightMatrix read_packed_rows(const QuantizationConfig& config,
                              const std::string& module,
                              const TensorLookup& find,
                              const StoredTensor& weight) {
  expect_words(weight);
  const StoredTensor* shape = find(module + ".weight_shape");
  const int bits = packed_bits(rule_of(config, weight).bits, weight, shape);
  if (bits < 2 || bits > 8 || bits == 7) {
    fail(weight, fmt::format("codes of {} bits are not supported", bits));
  }
  const StoredTensor& scales = require(find, module + ".weight_scale", weight);
  const StoredTensor* zeros = find(module + ".weight_zero_point");
  const std::int64_t outputs = weight.shape[0];
  const std::int64_t inputs =
      said_columns(shape, weight, weight.shape[1] * 32 / bits);
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
  const StoredTensor* zeros = find(module + ".weight_zero_point");
  if (weight.shape.size() != 2 || weight.element_count() == 0) {
    fail(weight, "expected a matrix");
  }
  const std::int64_t outputs = weight.shape[0];
  const bool is_grouped = scales.shape.size() == 2 && scales.shape[1] > 1;
  const std::int64_t groups = is_grouped ? scales.shape[1] : 1;
  const std::int64_t count = scales.element_count();
  if (count != outputs * groups && (count != 1 || is_grouped)) {
    fail(scales, fmt::format("expected {} scales a row, or one", groups));
  }
  if (zeros != nullptr &&
      (zeros->type != StorageType::kI8 || zeros->element_count() != count)) {
    fail(*zeros, fmt::format("expected {} zeros of type I8", count));
  }
  const IntegerLayout layout =
      group_layout(weight, outputs, weight.shape[1], 8, groups);
  return integer_matrix(
      weight, layout,
      std::make_shared<Int8Rows>(layout, weight, scales, zeros));
}

// Three-valued matrices: of the projections alone, as published models have it.
std::optional<WeightMatrix> read_bitnet(const PackedRule& rule,
                                        const std::string& module,
                                        const TensorLookup& find,
                                        const StoredTensor& weight) {
  const bool packed = weight.type == StorageType::kU8;
  if (weight.shape.size() != 2 || weight.element_count() == 0) return {};
  if (!packed && !(rule.rounds && module.ends_with("_proj"))) return {};
  const std::int64_t outputs = weight.shape[0] * (packed ? 4 : 1);
  const IntegerLayout layout =
      group_layout(weight, outputs, weight.shape[1], 2, 1);
  if (!packed) {
    return integer_matrix(
        weight, layout,
        std::make_shared<RoundedRows>(layout, WeightMatrix::plain(weight)));
  }
  const StoredTensor& scale = require(find, module + ".weight_scale", weight);
  if (scale.element_count() != 1) fail(scale, "expected one number");
  return integer_matrix(weight, layout,
                        std::make_shared<TernaryRows>(layout, weight, scale,
                                                      rule.divides_by_scale));
}

}  // namespace

int kernel_group(std::int64_t stored, std::int64_t columns) {
  for (const int group : {128, 64, 32, 16}) {
    if (stored % group == 0 && columns % group == 0) return group;
  }
  return 0;
}

bool is_of_activations(std::string_view tensor) {
  constexpr std::array<std::string_view, 11> kParts{
      "input_scale",       "input_global_scale",
      "input_scale_ub",    "input_zero_point",
      "activation_scale",  "output_scale",
      "output_zero_point", "k_scale",
      "v_scale",           "k_zero_point",
      "v_zero_point"};
  const std::string_view last = tensor.substr(tensor.rfind('.') + 1);
  return std::find(kParts.begin(), kParts.end(), last) != kParts.end();
}

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
          require(find, module + ".weight_global_scale", *weight),
          GlobalScale::kDivides);
    }
    return read_packed_rows(config, module, find, *weight);
  }
  const StoredTensor* weight = find(module + ".weight");
  if (weight == nullptr) return std::nullopt;
  if (config.packed().method == PackedMethod::kBitnet) {
    return read_bitnet(config.packed(), module, find, *weight);
  }
  // ModelOpt's NVFP4.
  if (const StoredTensor* global = find(module + ".weight_scale_2");
      global != nullptr && weight->type == StorageType::kU8) {
    return read_nvfp4_rows(*weight,
                           require(find, module + ".weight_scale", *weight),
                           *global, GlobalScale::kMultiplies);
  }
  if (weight->type == StorageType::kI8) return read_int8(module, find, *weight);
  if (weight->type != StorageType::kF8E4M3) return std::nullopt;
  for (const char* ending : {".weight_scale_inv", ".weight_scale"}) {
    if (const StoredTensor* scales = find(module + ending)) {
      return read_fp8(*weight, *scales, rule_of(config, *weight).block);
    }
  }
  return std::nullopt;
}

}  // namespace abstractllm::io
