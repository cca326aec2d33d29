// The list of architectures: the only place that names them all.
// SPDX-License-Identifier: Apache-2.0
#include "models/registry.h"

#include <algorithm>
#include <array>
#include <string>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"

namespace abstractllm::models {

namespace {

struct Row {
  std::string_view model_type;
  std::unique_ptr<Model> (*make)(const ModelSource&);
};

// Sorted by model_type, which is config.json's.
constexpr std::array kRows{
    Row{"cohere", make_cohere},
    Row{"cohere2", make_cohere2},
    Row{"deepseek_v2", make_deepseek_v2},
    Row{"deepseek_v3", make_deepseek_v3},
    Row{"ernie4_5", make_ernie4_5},
    Row{"gemma", make_gemma},
    Row{"gemma2", make_gemma2},
    Row{"gemma3_text", make_gemma3_text},
    Row{"glm4", make_glm4},
    Row{"gpt_bigcode", make_gpt_bigcode},
    Row{"gpt_oss", make_gpt_oss},
    Row{"granite", make_granite},
    Row{"lfm2", make_lfm2},
    Row{"llama", make_llama},
    Row{"mamba2", make_mamba2},
    Row{"mistral", make_mistral},
    Row{"mixtral", make_mixtral},
    Row{"olmo2", make_olmo2},
    Row{"phi3", make_phi3},
    Row{"qwen2", make_qwen2},
    Row{"qwen2_moe", make_qwen2_moe},
    Row{"qwen3", make_qwen3},
    Row{"qwen3_moe", make_qwen3_moe},
    Row{"smollm3", make_smollm3},
    Row{"starcoder2", make_starcoder2},
};

constexpr int kMaxListedTensors = 5;

const Row* find_row(std::string_view model_type) {
  const auto row = std::find_if(
      kRows.begin(), kRows.end(),
      [&](const Row& candidate) { return candidate.model_type == model_type; });
  return row == kRows.end() ? nullptr : &*row;
}

// A tensor that nobody reads means that the model is not what we take it for.
void refuse_unread_tensors(const io::WeightSource& weights) {
  std::string list;
  int count = 0;
  for (const std::string& name : weights.unread_names()) {
    // Tables that some exporters store though the config determines them.
    if (name.ends_with("rotary_emb.inv_freq")) continue;
    if (++count <= kMaxListedTensors) list += (count > 1 ? ", " : "") + name;
  }
  if (count == 0) return;
  if (count > kMaxListedTensors) list += ", ...";
  throw ModelLoadingError(
      "[models] " + weights.path().string() + " has " + std::to_string(count) +
          " tensors that the architecture does not know: " + list,
      "The model may be of another architecture than its config says.");
}

}  // namespace

bool contains(std::string_view model_type) {
  return find_row(model_type) != nullptr;
}

std::vector<std::string> model_types() {
  std::vector<std::string> types;
  for (const Row& row : kRows) types.emplace_back(row.model_type);
  return types;
}

void require_supported(std::string_view model_type) {
  if (contains(model_type)) return;
  throw UnsupportedModelError(
      "[models] architecture '" + std::string(model_type) +
          "' is not supported",
      "The nearest supported one is '" +
          base::nearest_names(model_type, model_types(), 1).front() + "'.");
}

std::unique_ptr<Model> make_model(const ModelSource& source) {
  const std::string type = source.config.require_string("model_type");
  require_supported(type);
  std::unique_ptr<Model> model = find_row(type)->make(source);
  refuse_unread_tensors(source.weights);
  return model;
}

}  // namespace abstractllm::models
