// mlx-lm takes a model of these as done once it finds a mark of its own layout:
// no single experts (Qwen3-Next), a convolution with its taps in the middle
// (Falcon H1). What is converted bears that mark, so all of it is done here.
// SPDX-License-Identifier: Apache-2.0
#include "convert/mlx_families.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "convert/scaled_rows.h"

namespace abstractllm::convert {
namespace {

constexpr std::string_view kWeight = ".weight";

std::string module_of(const std::string& tensor) {
  return tensor.substr(0, tensor.size() - kWeight.size());
}

bool is_published_convolution(const io::WeightSource& weights,
                              const std::string& name) {
  if (!name.ends_with("conv1d.weight")) return false;
  const auto& shape = weights.tensor(name).shape;
  return shape.size() == 3 && shape[1] == 1 && shape[2] > 1;
}

// (channels, 1, taps) as (channels, taps, 1). Whether there is any.
bool move_convolutions(const io::WeightSource& weights, MlxLayout& layout) {
  bool any = false;
  for (const std::string& name : weights.names()) {
    if (!is_published_convolution(weights, name)) continue;
    const io::StoredTensor& tensor = weights.tensor(name);
    layout.taken.insert(name);
    layout.vectors.push_back({name,
                              {tensor.shape[0], tensor.shape[2], 1},
                              weights.vector(name),
                              tensor.type});
    any = true;
  }
  return any;
}

// Norms are published as what they differ from 1, but for one a layer.
void raise_norms(const io::WeightSource& weights, MlxLayout& layout) {
  constexpr std::array<std::string_view, 5> kRaised{
      ".input_layernorm.weight", ".post_attention_layernorm.weight",
      "model.norm.weight", ".q_norm.weight", ".k_norm.weight"};
  for (const std::string& name : weights.names()) {
    const bool is_raised =
        std::any_of(kRaised.begin(), kRaised.end(),
                    [&](std::string_view end) { return name.ends_with(end); });
    if (!is_raised || mlx_name(weights, name).empty()) continue;
    std::vector<float> values = weights.vector(name);
    for (float& value : values) value += 1.0f;
    layout.taken.insert(name);
    layout.vectors.push_back({name,
                              {static_cast<std::int64_t>(values.size())},
                              std::move(values),
                              weights.tensor(name).type});
  }
}

// The factors of Falcon H1 that mlx-lm multiplies into weights.
class FalconFactors {
 public:
  explicit FalconFactors(const io::JsonConfig& config) : config_(config) {}

  // Of the rows of `module`: one for all, or one a row; empty: as they are.
  std::vector<float> of(const std::string& module) const {
    const auto ends = [&](std::string_view end) {
      return module.ends_with(end);
    };
    if (ends("embed_tokens")) return {number("embedding_multiplier")};
    if (ends("lm_head")) return {number("lm_head_multiplier")};
    if (ends(".q_proj") || ends(".k_proj")) {
      return {number("attention_in_multiplier")};
    }
    if (ends(".o_proj")) return {number("attention_out_multiplier")};
    if (ends(".out_proj")) return {number("ssm_out_multiplier")};
    if (ends(".gate_proj")) return {list("mlp_multipliers", 2)[0]};
    if (ends(".down_proj")) return {list("mlp_multipliers", 2)[1]};
    if (ends(".in_proj")) return input_rows();
    return {};
  }

 private:
  float number(const char* field) const {
    return static_cast<float>(config_.find_number(field).value_or(1));
  }

  std::vector<float> list(const char* field, std::size_t size) const {
    const auto stored = config_.find_numbers(field);
    if (!stored) return std::vector<float>(size, 1.0f);
    if (stored->size() != size) {
      throw ModelLoadingError(fmt::format("[config] {} has {} values, not {}",
                                          field, stored->size(), size));
    }
    return {stored->begin(), stored->end()};
  }

  // Gate, x, b, c and steps of the state space.
  std::vector<float> input_rows() const {
    const std::int64_t hidden = config_.require_int("hidden_size");
    const double expand = config_.find_number("mamba_expand").value_or(2);
    const std::int64_t inner =
        config_.find_int("mamba_d_ssm")
            .value_or(static_cast<std::int64_t>(expand * double(hidden)));
    const std::int64_t shared = config_.find_int("mamba_n_groups").value_or(1) *
                                config_.require_int("mamba_d_state");
    const std::array<std::int64_t, 5> sizes{
        inner, inner, shared, shared, config_.require_int("mamba_n_heads")};
    const std::vector<float> factors = list("ssm_multipliers", sizes.size());
    const float all = number("ssm_in_multiplier");
    std::vector<float> rows;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      // Sizes that do not fit the matrix are refused there.
      const std::int64_t count =
          std::clamp<std::int64_t>(sizes[i], 0, std::int64_t{1} << 24);
      rows.insert(rows.end(), static_cast<std::size_t>(count),
                  all * factors[i]);
    }
    return rows;
  }

  const io::JsonConfig& config_;
};

void multiply_falcon_h1(const io::WeightSource& weights, MlxLayout& layout) {
  const FalconFactors factors(weights.config());
  for (const std::string& name : weights.names()) {
    if (!name.ends_with(kWeight) || mlx_name(weights, name).empty()) continue;
    const std::string module = module_of(name);
    const std::vector<float> own = factors.of(module);
    if (own.empty()) continue;
    layout.taken.insert(module);
    layout.matrices.push_back({module, weights.matrix(module).leading_shape(),
                               [weights, module, own] {
                                 return std::vector{
                                     scaled(weights.matrix(module), own)};
                               }});
  }
}

}  // namespace

void lay_out_family(const io::WeightSource& weights, MlxLayout& layout) {
  const auto type = weights.config().find_string("model_type");
  if (type == "qwen3_next") {
    if (move_convolutions(weights, layout)) raise_norms(weights, layout);
  } else if (type == "falcon_h1") {
    if (move_convolutions(weights, layout)) multiply_falcon_h1(weights, layout);
  }
}

}  // namespace abstractllm::convert
