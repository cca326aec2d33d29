// Sums over the tensors of a model.
// SPDX-License-Identifier: Apache-2.0
#include "engine/weight_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "io/embedding_names.h"

namespace abstractllm::engine {
namespace {

std::string form_of(const io::WeightMatrix& matrix) {
  const std::string type(io::to_string(matrix.stored_type()));
  const double stored_bits = 8.0 * static_cast<double>(matrix.stored_bytes()) /
                             static_cast<double>(matrix.rows()) /
                             static_cast<double>(matrix.columns());
  if (matrix.encoding() == io::WeightEncoding::kDense) {
    // FP8, and codes that no kernel takes.
    if (stored_bits < 0.75 * matrix.bits()) {
      return fmt::format("{:.0f} bits, read as {}", stored_bits, type);
    }
    return type;
  }
  const std::string groups = fmt::format("groups of {}", matrix.group_size());
  if (matrix.encoding() == io::WeightEncoding::kMxfp4) {
    return "mxfp4, " + groups;
  }
  const std::string form = fmt::format("{} bits, {}", matrix.bits(), groups);
  const bool is_block =
      io::storage_traits(matrix.stored_type()).block_elements > 1;
  return is_block ? form + " (" + type + ")" : form;
}

// The module whose weight a tensor is; empty for what goes with one.
std::string module_of(const std::string& name) {
  for (const std::string_view part :
       {".scales", ".biases", "_scales", ".qzeros", ".g_idx", "_scale",
        "_scale_inv", "_scale_2", "_zero_point", "_shape"}) {
    if (name.ends_with(part)) return {};
  }
  for (const std::string_view weight :
       {".weight", ".qweight", ".weight_packed", "_blocks"}) {
    if (name.ends_with(weight)) {
      return name.substr(0, name.size() - weight.size());
    }
  }
  return name;
}

}  // namespace

WeightSummary summarise_weights(const io::WeightSource& weights,
                                const std::vector<std::string>& left_out) {
  const std::set<std::string_view> unread(left_out.begin(), left_out.end());
  WeightSummary summary;
  summary.bytes = weights.total_bytes();
  for (const std::string& name : weights.names()) {
    const std::string module = module_of(name);
    if (module.empty()) continue;
    if (!weights.has_matrix(module)) continue;
    try {
      const io::WeightMatrix matrix = weights.matrix(module);
      if (unread.contains(name)) {
        summary.bytes -= static_cast<std::uint64_t>(matrix.stored_bytes());
        continue;
      }
      const auto rows = static_cast<std::uint64_t>(matrix.rows());
      const auto columns = static_cast<std::uint64_t>(matrix.columns());
      summary.parameters += rows * columns;
      // Norms and biases are no products.
      if (rows == 1) continue;
      summary.forms[form_of(matrix)] += rows * columns;
      // Rows of a table are looked up, where it is not the head as well.
      if (io::names_a_table(module) &&
          weights.has_matrix(io::head_beside(module))) {
        continue;
      }
      ++summary.products[{
          .outputs = static_cast<int>(matrix.rows()),
          .inputs = static_cast<int>(matrix.columns()),
          .bits = matrix.bits(),
          .group_size = matrix.group_size(),
          .is_mxfp4 = matrix.encoding() == io::WeightEncoding::kMxfp4}];
    } catch (const Error&) {
      // Building the model names it.
      continue;
    }
  }
  return summary;
}

std::string describe_forms(const WeightSummary& summary) {
  std::uint64_t all = 0;
  std::vector<std::pair<std::uint64_t, std::string>> forms;
  for (const auto& [form, parameters] : summary.forms) {
    all += parameters;
    forms.emplace_back(parameters, form);
  }
  std::sort(forms.rbegin(), forms.rend());
  std::string text;
  for (const auto& [parameters, form] : forms) {
    const double percent =
        100.0 * static_cast<double>(parameters) / static_cast<double>(all);
    if (text.empty()) {
      text = form;
    } else if (percent >= 1) {
      text += fmt::format("; {:.0f} % {}", percent, form);
    }
  }
  return text;
}

}  // namespace abstractllm::engine
