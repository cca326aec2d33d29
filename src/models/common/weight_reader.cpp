// Checkpoint tensors, checked and made into operands.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/weight_reader.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "abstractllm/error.h"
#include "io/imagined_tensors.h"
#include "io/stacked_matrix.h"
#include "io/weight_source.h"
#include "ops/adapter.h"
#include "ops/shapes_only.h"

namespace abstractllm::models {

namespace {

std::string shape(long long rows, long long columns) {
  return "[" + std::to_string(rows) + ", " + std::to_string(columns) + "]";
}

// Values in the host's memory as a Linear, which keeps a copy.
ops::Linear host_linear(const ops::Backend& backend, const std::string& name,
                        const std::vector<float>& values, int outputs,
                        int inputs,
                        const std::optional<std::vector<float>>& bias) {
  const io::StoredTensor tensor{.name = name,
                                .type = io::StorageType::kF32,
                                .shape = {outputs, inputs},
                                .bytes = std::as_bytes(std::span(values)),
                                .file = nullptr};
  return ops::make_linear(backend, io::WeightMatrix::plain(tensor), bias);
}

}  // namespace

std::vector<std::int32_t> head_rows(int heads, int size, int first, int count,
                                    int first2, int count2) {
  std::vector<std::int32_t> rows;
  for (int head = 0; head < heads; ++head) {
    for (int i = 0; i < count; ++i) rows.push_back(head * size + first + i);
    for (int i = 0; i < count2; ++i) rows.push_back(head * size + first2 + i);
  }
  return rows;
}

void pass_over(const io::WeightSource& weights,
               const std::vector<std::string>& prefixes) {
  for (const std::string& name : weights.names()) {
    for (const std::string& prefix : prefixes) {
      if (name.starts_with(prefix)) weights.find_tensor(name);
    }
  }
}

ops::Linear WeightReader::patch_linear(const std::string& module, int outputs,
                                       int channels,
                                       const std::vector<int>& kernel,
                                       Bias bias) const {
  const std::string name = module + ".weight";
  const int points =
      std::accumulate(kernel.begin(), kernel.end(), 1, std::multiplies<>());
  std::vector<std::int64_t> first{outputs, channels};
  first.insert(first.end(), kernel.begin(), kernel.end());
  std::vector<std::int64_t> last{outputs};
  last.insert(last.end(), kernel.begin(), kernel.end());
  last.push_back(channels);
  const std::vector<std::int64_t> stored =
      source_.is_imagined() ? first : source_.tensor(name).shape;
  const bool flat = stored.size() == 2;
  const int inputs = channels * points;
  std::vector<float> values =
      vector(name, static_cast<std::int64_t>(outputs) * inputs);
  if (stored != first && !flat) {
    if (stored != last) {
      throw ModelLoadingError("[weights] tensor '" + name + "' in " +
                              source_.path().string() + " has shape " +
                              io::shape_text(stored) + ", expected " +
                              io::shape_text(first));
    }
    std::vector<float> ordered(values.size());
    for (int row = 0; row < outputs; ++row) {
      const float* from =
          values.data() + static_cast<std::size_t>(row) * inputs;
      float* to = ordered.data() + static_cast<std::size_t>(row) * inputs;
      for (int point = 0; point < points; ++point) {
        for (int channel = 0; channel < channels; ++channel) {
          to[channel * points + point] = from[point * channels + channel];
        }
      }
    }
    values = std::move(ordered);
  }
  return host_linear(backend_, name, values, outputs, inputs,
                     bias_of(module, outputs, bias));
}

ops::Linear WeightReader::transposed_linear(const std::string& name,
                                            int outputs, int inputs) const {
  const std::vector<float> values =
      vector(name, static_cast<std::int64_t>(outputs) * inputs);
  std::vector<float> turned(values.size());
  for (int i = 0; i < inputs; ++i) {
    for (int o = 0; o < outputs; ++o) {
      turned[static_cast<std::size_t>(o) * inputs + i] =
          values[static_cast<std::size_t>(i) * outputs + o];
    }
  }
  return host_linear(backend_, name, turned, outputs, inputs, std::nullopt);
}

float WeightReader::tanh_gate(const std::string& name) const {
  return std::tanh(vector(name, 1).front());
}

bool WeightReader::has_matrix(const std::string& module) const {
  return source_.has_matrix(module);
}

std::string WeightReader::prefix_of(const std::string& module,
                                    std::initializer_list<const char*> prefixes,
                                    const char* otherwise) const {
  for (const char* prefix : prefixes) {
    if (has_matrix(prefix + module)) return prefix;
  }
  return otherwise;
}

bool WeightReader::has_vector(const std::string& name) const {
  return source_.has_vector(name);
}

std::vector<float> WeightReader::stored_values(const std::string& name) const {
  const std::string_view suffix = ".weight";
  if (!name.ends_with(suffix)) return source_.vector(name);
  const std::string module = name.substr(0, name.size() - suffix.size());
  if (!source_.has_vector(module + ".scales")) return source_.vector(name);
  const io::WeightMatrix matrix = source_.matrix(module);
  const auto width = static_cast<std::size_t>(matrix.columns());
  std::vector<float> values(static_cast<std::size_t>(matrix.rows()) * width);
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    matrix.read_row(row, std::span(values).subspan(
                             static_cast<std::size_t>(row) * width, width));
  }
  return values;
}

std::vector<float> WeightReader::vector(const std::string& name,
                                        std::int64_t size) const {
  if (source_.is_imagined()) {
    source_.imagine_vector(name, size);
    return std::vector<float>(static_cast<std::size_t>(size));
  }
  std::vector<float> values = stored_values(name);
  if (values.size() != static_cast<std::size_t>(size)) {
    throw ModelLoadingError("[weights] tensor '" + name + "' in " +
                            source_.path().string() + " has " +
                            std::to_string(values.size()) +
                            " values, expected " + std::to_string(size));
  }
  return values;
}

io::WeightMatrix WeightReader::matrix(const std::string& module, int rows,
                                      int columns) const {
  if (source_.is_imagined()) {
    return source_.imagine_matrix(module, rows, columns);
  }
  io::WeightMatrix matrix = source_.matrix(module);
  if (matrix.rows() != rows || matrix.columns() != columns) {
    throw ModelLoadingError(
        "[weights] tensor '" + module + ".weight' in " +
            source_.path().string() + " has shape " +
            shape(matrix.rows(), matrix.columns()) + ", expected " +
            shape(rows, columns),
        "config.json and the weights do not belong together.");
  }
  return matrix;
}

std::optional<std::vector<float>> WeightReader::bias_of(
    const std::string& module, int outputs, Bias bias) const {
  const std::string name = module + ".bias";
  if (bias == Bias::kNone) return std::nullopt;
  if (bias == Bias::kIfPresent && !source_.has_vector(name)) {
    return std::nullopt;
  }
  return vector(name, outputs);
}

void WeightReader::note_site(ops::LinearSite site) const {
  if (backend_.adaptation == nullptr) return;
  // Without the adaptation, which would own itself.
  ops::Backend backend = site.linear.backend();
  backend.adaptation = nullptr;
  site.linear = ops::Linear(site.linear.outputs(), site.linear.inputs(),
                            std::move(backend), site.linear.storage(),
                            site.linear.bias());
  backend_.adaptation->sites.push_back(std::move(site));
}

void WeightReader::note_expert(const ops::ExpertLinear& experts, int number,
                               const std::string& module, int rows_of_each,
                               std::vector<std::int32_t> rows) const {
  const int count = rows.empty() ? 1 : experts.experts();
  ops::LinearSite site{.module = module,
                       .module_outputs = count * rows_of_each,
                       .rows = std::move(rows),
                       .linear = experts.expert(number),
                       .experts = count};
  if (!experts.packed()) {
    site.place = {.stack = experts.stack_key(),
                  .experts = experts.experts(),
                  .expert = number};
  }
  note_site(std::move(site));
}

void WeightReader::note_stack(const std::string& stack, int rows, int first,
                              int step, const ops::ExpertLinear& read) const {
  const int count = read.experts();
  for (int i = 0; i < count; ++i) {
    std::vector<std::int32_t> own;
    for (int row = 0; row < read.outputs(); ++row) {
      own.push_back(i * rows + first + row * step);
    }
    note_expert(read, i, stack, rows, std::move(own));
  }
}

ops::Linear WeightReader::linear(const std::string& module, int outputs,
                                 int inputs, Bias bias) const {
  ops::Linear linear =
      ops::make_linear(backend_, matrix(module, outputs, inputs),
                       bias_of(module, outputs, bias));
  note_site({module, outputs, {}, linear});
  return linear;
}

ops::Linear WeightReader::linear(
    const io::WeightMatrix& matrix,
    const std::optional<std::vector<float>>& bias) const {
  return ops::make_linear(backend_, matrix, bias);
}

ops::Linear WeightReader::linear(
    const std::string& module, int module_outputs,
    std::vector<std::int32_t> rows, const io::WeightMatrix& matrix,
    const std::optional<std::vector<float>>& bias) const {
  ops::Linear linear = ops::make_linear(backend_, matrix, bias);
  note_site({module, module_outputs, std::move(rows), linear});
  return linear;
}

std::vector<ops::Linear> WeightReader::split_linear(
    const std::string& module, const std::vector<int>& outputs, int inputs,
    Bias bias) const {
  const int total = std::accumulate(outputs.begin(), outputs.end(), 0);
  const io::WeightMatrix all = matrix(module, total, inputs);
  const auto all_bias = bias_of(module, total, bias);
  std::vector<ops::Linear> layers;
  int first = 0;
  for (const int count : outputs) {
    std::optional<std::vector<float>> part;
    if (all_bias) {
      part.emplace(all_bias->begin() + first,
                   all_bias->begin() + first + count);
    }
    layers.push_back(
        ops::make_linear(backend_, all.slice_rows(first, count), part));
    std::vector<std::int32_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), first);
    note_site({module, total, std::move(rows), layers.back()});
    first += count;
  }
  return layers;
}

ops::Linear WeightReader::pick_linear(const std::string& module, int outputs,
                                      int inputs,
                                      const std::vector<std::int32_t>& order,
                                      Bias bias) const {
  std::optional<std::vector<float>> picked;
  if (const auto all = bias_of(module, outputs, bias)) {
    picked.emplace();
    for (const std::int32_t row : order) picked->push_back((*all)[row]);
  }
  ops::Linear linear = ops::make_linear(
      backend_, matrix(module, outputs, inputs).permute_rows(order), picked);
  note_site({module, outputs, order, linear});
  return linear;
}

ops::Linear WeightReader::stacked_linear(const std::vector<Part>& parts,
                                         int inputs) const {
  std::vector<io::WeightMatrix> matrices;
  for (const Part& part : parts) {
    matrices.push_back(matrix(part.module, part.outputs, inputs));
  }
  ops::Linear stacked =
      ops::make_linear(backend_, io::stack_matrices(std::move(matrices)));
  int first = 0;
  for (const Part& part : parts) {
    note_site({.module = part.module,
               .module_outputs = part.outputs,
               .rows = {},
               .linear = stacked,
               .first = first});
    first += part.outputs;
  }
  return stacked;
}

ops::ExpertLinear WeightReader::experts(const std::string& experts,
                                        const std::string& name,
                                        const std::string& stack, int count,
                                        int outputs, int inputs) const {
  std::vector<io::WeightMatrix> matrices;
  if (source_.has_matrix(stack)) {
    const io::WeightMatrix all = matrix(stack, count * outputs, inputs);
    for (int i = 0; i < count; ++i) {
      matrices.push_back(
          all.slice_rows(static_cast<std::int64_t>(i) * outputs, outputs));
    }
  } else {
    for (int i = 0; i < count; ++i) {
      matrices.push_back(
          matrix(experts + std::to_string(i) + "." + name, outputs, inputs));
    }
  }
  std::optional<std::vector<float>> bias;
  if (source_.has_vector(stack + ".bias")) {
    bias = vector(stack + ".bias", count * outputs);
  }
  ops::ExpertLinear all = ops::make_expert_linear(backend_, matrices, bias);
  if (source_.has_matrix(stack)) {
    note_stack(stack, outputs, 0, 1, all);
    return all;
  }
  for (int i = 0; i < count; ++i) {
    note_expert(all, i, experts + std::to_string(i) + "." + name, outputs, {});
  }
  return all;
}

ops::ExpertLinear WeightReader::expert_rows(const std::string& stack, int count,
                                            int rows, int first, int outputs,
                                            int inputs) const {
  const io::WeightMatrix all = matrix(stack, count * rows, inputs);
  std::vector<io::WeightMatrix> matrices;
  for (int i = 0; i < count; ++i) {
    matrices.push_back(all.slice_rows(std::int64_t{i} * rows + first, outputs));
  }
  ops::ExpertLinear read = ops::make_expert_linear(backend_, matrices, {});
  note_stack(stack, rows, first, 1, read);
  return read;
}

ops::ExpertLinear WeightReader::turned_expert_rows(const std::string& stack,
                                                   int count, int rows,
                                                   int first, int outputs,
                                                   int inputs) const {
  OwnedMatrices owned = transposed(stack, count, rows, inputs);
  for (io::WeightMatrix& matrix : owned.matrices) {
    matrix = matrix.slice_rows(first, outputs);
  }
  ops::ExpertLinear read =
      ops::make_expert_linear(backend_, owned.matrices, {});
  note_stack(stack, rows, first, 1, read);
  return read;
}

OwnedMatrices WeightReader::transposed(const std::string& module, int count,
                                       int outputs, int inputs) const {
  if (source_.is_imagined()) {
    const io::WeightMatrix all = matrix(module, count * outputs, inputs);
    OwnedMatrices owned;
    for (int i = 0; i < count; ++i) {
      owned.matrices.push_back(
          all.slice_rows(std::int64_t{i} * outputs, outputs));
    }
    return owned;
  }
  const io::WeightMatrix all = matrix(module, count * inputs, outputs);
  if (all.encoding() != io::WeightEncoding::kDense) {
    throw ModelLoadingError("[weights] tensor '" + module +
                            "' is quantised, which cannot be transposed");
  }
  if (ops::ShapesOnly::active()) {
    const bool is_stored = !all.stored_row(0).empty();
    const io::WeightMatrix one = io::shape_of_matrix(
        module, outputs, inputs,
        is_stored ? all.stored_type() : io::StorageType::kF32);
    return {.matrices = std::vector(static_cast<std::size_t>(count), one),
            .bytes = {}};
  }
  const auto width = static_cast<std::size_t>(outputs);
  // What an adapter has changed is stored nowhere.
  std::vector<float> computed(all.stored_row(0).empty() ? width : 0);
  const bool is_stored = computed.empty();
  const std::size_t item =
      is_stored ? all.stored_row(0).size() / width : sizeof(float);
  const std::size_t row_bytes = item * static_cast<std::size_t>(inputs);
  const std::size_t size = row_bytes * width;
  OwnedMatrices owned;
  owned.bytes.resize(size * static_cast<std::size_t>(count));
  for (int m = 0; m < count; ++m) {
    std::byte* const to = owned.bytes.data() + size * m;
    for (int i = 0; i < inputs; ++i) {
      const std::int64_t index = std::int64_t{m} * inputs + i;
      if (!is_stored) all.read_row(index, computed);
      const auto row = is_stored ? all.stored_row(index)
                                 : std::as_bytes(std::span(computed));
      for (int o = 0; o < outputs; ++o) {
        std::memcpy(to + row_bytes * o + item * i, row.data() + item * o, item);
      }
    }
    owned.matrices.push_back(io::WeightMatrix::plain(
        {.name = module,
         .type = is_stored ? all.stored_type() : io::StorageType::kF32,
         .shape = {outputs, inputs},
         .bytes = std::span(to, size),
         .file = nullptr}));
  }
  return owned;
}

ops::ExpertLinear WeightReader::experts(
    const std::vector<io::WeightMatrix>& matrices,
    const std::optional<std::vector<float>>& bias) const {
  return ops::make_expert_linear(backend_, matrices, bias);
}

ops::Norm WeightReader::norm(ops::NormKind kind,
                             const std::vector<float>& weight,
                             float eps) const {
  return {.kind = kind,
          .weight = ops::make_vector(backend_, weight),
          .bias = std::nullopt,
          .eps = eps,
          .cpu = backend_.cpu};
}

ops::Norm WeightReader::norm(ops::NormKind kind, const std::string& module,
                             int size, float eps, float offset,
                             float scale) const {
  // Checkpoints that came from TensorFlow have its names.
  const bool old = !source_.has_vector(module + ".weight") &&
                   source_.has_vector(module + ".gamma");
  std::vector<float> values =
      vector(module + (old ? ".gamma" : ".weight"), size);
  for (float& value : values) value = (value + offset) * scale;
  ops::Norm norm = this->norm(kind, values, eps);
  if (kind == ops::NormKind::kLayer) {
    const auto bias = old ? std::optional(vector(module + ".beta", size))
                          : bias_of(module, size, Bias::kIfPresent);
    if (bias) norm.bias = ops::make_vector(backend_, *bias);
  }
  return norm;
}

std::string language_prefix(const WeightReader& weights) {
  return weights.prefix_of(
      "embed_tokens",
      {"model.language_model.", "language_model.model.", "language_model."},
      "model.");
}

}  // namespace abstractllm::models
