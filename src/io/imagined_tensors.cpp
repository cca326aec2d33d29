// What a config says of the storage of each matrix.
// SPDX-License-Identifier: Apache-2.0
#include "io/imagined_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "abstractllm/error.h"
#include "io/packed_checkpoints.h"
#include "io/quantization_methods.h"

namespace abstractllm::io {
namespace {

// The largest mixtures of experts have half of it; more is a config that
// would keep us busy.
constexpr std::size_t kMostTensors = 1 << 17;

constexpr std::int64_t kLongestVector = 1 << 26;

class Zeros : public ComputedRows {
 public:
  void read_row(std::int64_t /*row*/, std::span<float> out) const override {
    std::fill(out.begin(), out.end(), 0.0f);
  }
  // Biases that do not follow from scales, as most quantisers have them.
  void read_row_affine(std::int64_t /*row*/, std::span<std::uint8_t> codes,
                       std::span<float> scales,
                       std::span<float> biases) const override {
    std::fill(codes.begin(), codes.end(), std::uint8_t{1});
    std::fill(scales.begin(), scales.end(), 1.0f);
    std::fill(biases.begin(), biases.end(), -1.0f);
  }
};

std::shared_ptr<const ComputedRows> zeros() {
  static const auto rows = std::make_shared<const Zeros>();
  return rows;
}

// Towers and what joins them to the text model keep their numbers.
bool is_of_text(std::string_view module) {
  constexpr std::array kBeside{"vision_tower.", "vision_embed_tokens.",
                               "multi_modal_projector.", "connector.",
                               "image_newline"};
  return std::none_of(kBeside.begin(), kBeside.end(), [&](const char* part) {
    return module.starts_with(part);
  });
}

// Quantisers of others leave the two tables of tokens alone.
bool is_table(std::string_view module) {
  constexpr std::array kEnds{"embed_tokens",    "lm_head",  "wte",
                             "word_embeddings", "embed_in", "embed_out",
                             "embeddings"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [&](const char* end) { return module.ends_with(end); });
}

}  // namespace

WeightMatrix shape_of_matrix(const std::string& name, std::int64_t rows,
                             std::int64_t columns, StorageType type) {
  return WeightMatrix::computed({.name = name,
                                 .leading_shape = {rows},
                                 .columns = columns,
                                 .encoding = WeightEncoding::kDense,
                                 .bits = type == StorageType::kF32 ? 32 : 16,
                                 .element_type = type},
                                zeros());
}

ImaginedTensors::ImaginedTensors(const JsonConfig& config)
    : quantization_(config) {
  for (const char* field : {"torch_dtype", "dtype"}) {
    if (config.is_string(field) && config.require_string(field) == "float32") {
      plain_ = {WeightEncoding::kDense, 32, 0, 4};
    }
  }
  auto entry = config.find_object("quantization");
  if (!entry) entry = config.find_object("quantization_config");
  if (!entry) return;
  experts_alone_ = quantization_method(*entry) == "mxfp4";
  for (const char* field : {"modules_to_not_convert", "ignore",
                            "ignored_layers", "exclude_modules"}) {
    if (!entry->is_array(field)) continue;
    const auto names = entry->find_strings(field);
    for (const std::string& name : *names) spared_.emplace_back(name);
  }
  // MLX says false of a module that it has left alone.
  for (const std::string& key : entry->keys()) {
    if (entry->find_json(key) == "false") spared_.emplace_back(key);
  }
}

bool ImaginedTensors::is_spared(const std::string& module) const {
  return !is_of_text(module) ||
         std::any_of(spared_.begin(), spared_.end(),
                     [&](const auto& named) { return named.selects(module); });
}

// With a scale byte for each 16 codes.
ImaginedTensors::Form ImaginedTensors::nvfp4() {
  return {WeightEncoding::kAffine, 5, 16, 0.5 + 1.0 / 16};
}

// As read_packed() gives it: FP8, and what has no groups that kernels take, is
// widened.
ImaginedTensors::Form ImaginedTensors::packed_form(const PackedRule& rule,
                                                   std::int64_t columns) const {
  const Form wide{WeightEncoding::kDense, 16, 0, 1, true};
  if (rule.codes == PackedCodes::kFp8) return wide;
  if (rule.codes == PackedCodes::kNvfp4) {
    return columns % 16 == 0 ? nvfp4() : plain_;
  }
  const std::int64_t group = rule.group > 0 ? rule.group : columns;
  const double bytes = static_cast<double>(rule.bits) / 8;
  const double stored =
      rule.rounds ? 2 : bytes + (2 + bytes) / static_cast<double>(group);
  const int kernel =
      rule.act_order && rule.group > 0 ? 0 : kernel_group(group, columns);
  if (kernel == 0) return {WeightEncoding::kDense, 16, 0, stored, true};
  return {WeightEncoding::kAffine, static_cast<int>(rule.bits), kernel, stored};
}

ImaginedTensors::Form ImaginedTensors::form_of(const std::string& module,
                                               std::int64_t columns) const {
  if (is_spared(module)) return plain_;
  constexpr Form kMxfp4{WeightEncoding::kMxfp4, 4, 32, 0.5 + 1.0 / 32};
  if (experts_alone_) {
    return module.find(".experts.") != module.npos ? kMxfp4 : plain_;
  }
  if (quantization_.packed().method != PackedMethod::kNone) {
    const auto rule = quantization_.packed(module);
    return rule && !is_table(module) ? packed_form(*rule, columns) : plain_;
  }
  if (!quantization_.is_mlx()) return plain_;
  const QuantizationRule rule = quantization_.rule(module);
  const QuantizationMode mode = rule.mode.value_or(QuantizationMode::kAffine);
  if (mode != QuantizationMode::kAffine) {
    if (columns % 32 != 0) return plain_;
    if (mode == QuantizationMode::kMxfp4) return kMxfp4;
    return mode == QuantizationMode::kMxfp8
               ? Form{WeightEncoding::kDense, 16, 0, 1 + 1.0 / 32}
               : nvfp4();
  }
  const auto bits = rule.bits.value_or(4);
  const auto group = rule.group_size.value_or(64);
  if (bits < 2 || bits > 8 || group < 16 || columns % group != 0) return plain_;
  // A scale and a bias of 16 bits each.
  return {WeightEncoding::kAffine, static_cast<int>(bits),
          static_cast<int>(group),
          static_cast<double>(bits) / 8 + 4.0 / static_cast<double>(group)};
}

WeightMatrix ImaginedTensors::add(const std::string& name, std::int64_t rows,
                                  std::int64_t columns, const Form& form) {
  if (const auto found = tensors_.find(name); found != tensors_.end()) {
    const WeightMatrix& known = found->second;
    if (known.rows() == rows && known.columns() == columns) return known;
    throw ModelLoadingError(
        fmt::format("[config] '{}' would be of [{}, {}] and of [{}, {}]", name,
                    known.rows(), known.columns(), rows, columns),
        "The sizes in config.json contradict each other.");
  }
  if (rows < 1 || columns < 1 || tensors_.size() >= kMostTensors) {
    throw ModelLoadingError(
        fmt::format("[config] '{}' would be tensor {} of the model, of [{}, "
                    "{}]",
                    name, tensors_.size() + 1, rows, columns),
        "No model has such sizes.");
  }
  const double bytes = static_cast<double>(rows) *
                       static_cast<double>(columns) * form.bytes_a_number;
  constexpr double kMost = 1e18;  // of one tensor; sums saturate
  constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
  const auto stored = static_cast<std::uint64_t>(std::min(bytes, kMost));
  bytes_ = stored > kLargest - bytes_ ? kLargest : bytes_ + stored;
  const bool is_mxfp4 = form.encoding == WeightEncoding::kMxfp4;
  WeightMatrix matrix = WeightMatrix::computed(
      {.name = name,
       .leading_shape = {rows},
       .columns = columns,
       .encoding = form.encoding,
       .bits = form.bits,
       .group_size = form.group_size,
       .element_type = form.bits == 32   ? StorageType::kF32
                       : is_mxfp4        ? StorageType::kU8
                       : form.is_rounded ? StorageType::kF16
                                         : StorageType::kBF16,
       .is_rounded = form.is_rounded,
       .stored_bytes = stored},
      zeros());
  return tensors_.emplace(name, std::move(matrix)).first->second;
}

WeightMatrix ImaginedTensors::matrix(const std::string& module,
                                     std::int64_t rows, std::int64_t columns) {
  return add(module + ".weight", rows, columns, form_of(module, columns));
}

void ImaginedTensors::add_vector(const std::string& name, std::int64_t size) {
  // Whoever reads it gets it in memory.
  if (size > kLongestVector) {
    throw ModelLoadingError(
        fmt::format("[config] '{}' would have {} numbers, expected up to {}",
                    name, size, kLongestVector),
        "No model has such sizes.");
  }
  add(name, 1, size, plain_);
}

const WeightMatrix* ImaginedTensors::find(std::string_view name) const {
  auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    found = tensors_.find(std::string(name) + ".weight");
  }
  return found == tensors_.end() ? nullptr : &found->second;
}

std::vector<std::string> ImaginedTensors::names() const {
  std::vector<std::string> names;
  for (const auto& [name, matrix] : tensors_) names.push_back(name);
  return names;
}

}  // namespace abstractllm::io
