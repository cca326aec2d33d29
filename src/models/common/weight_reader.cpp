// Checkpoint tensors, checked and made into operands.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/weight_reader.h"

#include "abstractllm/error.h"
#include "io/weight_source.h"

namespace abstractllm::models {

namespace {

std::string shape(long long rows, long long columns) {
  return "[" + std::to_string(rows) + ", " + std::to_string(columns) + "]";
}

}  // namespace

bool WeightReader::has_matrix(const std::string& module) const {
  return source_.has_matrix(module);
}

std::vector<float> WeightReader::vector(const std::string& name,
                                        int size) const {
  std::vector<float> values = source_.vector(name);
  if (values.size() != static_cast<std::size_t>(size)) {
    throw ModelLoadingError("[weights] tensor '" + name + "' in " +
                            source_.path().string() + " has " +
                            std::to_string(values.size()) +
                            " values, expected " + std::to_string(size));
  }
  return values;
}

ops::Linear WeightReader::linear(const std::string& module, int outputs,
                                 int inputs, Bias bias) const {
  const io::WeightMatrix matrix = source_.matrix(module);
  if (matrix.rows() != outputs || matrix.columns() != inputs) {
    throw ModelLoadingError(
        "[weights] tensor '" + module + ".weight' in " +
            source_.path().string() + " has shape " +
            shape(matrix.rows(), matrix.columns()) + ", expected " +
            shape(outputs, inputs),
        "config.json and the weights do not belong together.");
  }
  const std::string bias_name = module + ".bias";
  const bool read_bias =
      bias == Bias::kRequired ||
      (bias == Bias::kIfPresent && source_.has_vector(bias_name));
  std::optional<std::vector<float>> values;
  if (read_bias) values = vector(bias_name, outputs);
  return ops::make_linear(backend_, matrix, values);
}

ops::Norm WeightReader::rms_norm(const std::string& module, int size, float eps,
                                 float offset) const {
  std::vector<float> values = vector(module + ".weight", size);
  for (float& value : values) value += offset;
  return {.kind = ops::NormKind::kRms,
          .weight = ops::make_vector(backend_, values),
          .bias = std::nullopt,
          .eps = eps,
          .cpu = backend_.cpu};
}

}  // namespace abstractllm::models
