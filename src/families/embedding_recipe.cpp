// Reading of sentence-transformers' files.
// SPDX-License-Identifier: Apache-2.0
#include "families/embedding_recipe.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/json_text.h"
#include "io/tensor_archive.h"
#include "io/weight_matrix.h"

namespace abstractllm::families {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxModules = 16;

constexpr std::array<std::pair<PoolingMode, const char*>, 6> kModes{{
    {PoolingMode::kCls, "cls"},
    {PoolingMode::kMax, "max"},
    {PoolingMode::kMean, "mean"},
    {PoolingMode::kMeanSqrtLength, "mean_sqrt_len_tokens"},
    {PoolingMode::kWeightedMean, "weightedmean"},
    {PoolingMode::kLastToken, "lasttoken"},
}};

// The switches of older configs, in the order in which results are joined.
constexpr std::array<std::pair<const char*, PoolingMode>, 6> kSwitches{{
    {"pooling_mode_cls_token", PoolingMode::kCls},
    {"pooling_mode_max_tokens", PoolingMode::kMax},
    {"pooling_mode_mean_tokens", PoolingMode::kMean},
    {"pooling_mode_mean_sqrt_len_tokens", PoolingMode::kMeanSqrtLength},
    {"pooling_mode_weightedmean_tokens", PoolingMode::kWeightedMean},
    {"pooling_mode_lasttoken", PoolingMode::kLastToken},
}};

constexpr std::array<std::pair<const char*, DenseActivation>, 6> kActivations{{
    {"Identity", DenseActivation::kIdentity},
    {"Tanh", DenseActivation::kTanh},
    {"ReLU", DenseActivation::kRelu},
    {"GELU", DenseActivation::kGelu},
    {"Sigmoid", DenseActivation::kSigmoid},
    {"SiLU", DenseActivation::kSilu},
}};

// "torch.nn.modules.activation.Tanh" -> "Tanh".
std::string last_word(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

PoolingMode read_mode(const std::string& name, const std::string& origin) {
  for (const auto& [mode, known] : kModes) {
    if (name == known) return mode;
  }
  throw UnsupportedModelError(
      "[embedding] " + origin + ": pooling '" + name + "' is not supported",
      "Supported: cls, max, mean, mean_sqrt_len_tokens, weightedmean, "
      "lasttoken.");
}

void read_pooling(const fs::path& folder, EmbeddingRecipe& recipe) {
  const io::JsonConfig config = io::JsonConfig::load(folder / "config.json");
  recipe.include_prompt = config.find_bool("include_prompt").value_or(true);
  if (config.has("pooling_mode")) {
    const std::vector<std::string> names =
        config.is_string("pooling_mode")
            ? std::vector{config.require_string("pooling_mode")}
            : config.find_strings("pooling_mode")
                  .value_or(std::vector<std::string>{});
    for (const std::string& name : names) {
      recipe.pooling.push_back(read_mode(name, config.origin()));
    }
  } else {
    for (const auto& [name, mode] : kSwitches) {
      if (config.find_bool(name).value_or(false)) {
        recipe.pooling.push_back(mode);
      }
    }
  }
  if (recipe.pooling.empty()) recipe.pooling = {PoolingMode::kMean};
}

std::vector<float> read_values(const io::StoredTensor& tensor,
                               std::int64_t rows, std::int64_t columns) {
  const io::WeightMatrix matrix = io::WeightMatrix::plain(tensor);
  if (matrix.rows() != rows || matrix.columns() != columns) {
    throw ModelLoadingError("[embedding] " + tensor.describe() +
                            ": expected shape [" + std::to_string(rows) + ", " +
                            std::to_string(columns) + "]");
  }
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  for (std::int64_t row = 0; row < rows; ++row) {
    matrix.read_row(
        row, std::span(values).subspan(static_cast<std::size_t>(row * columns),
                                       static_cast<std::size_t>(columns)));
  }
  return values;
}

int read_features(const io::JsonConfig& config, const char* field) {
  constexpr std::int64_t kMost = 1 << 16;
  const std::int64_t count = config.require_int(field);
  if (count >= 1 && count <= kMost) return static_cast<int>(count);
  throw ModelLoadingError("[embedding] " + config.origin() + ": " + field +
                          " is " + std::to_string(count) + ", expected 1 to " +
                          std::to_string(kMost));
}

DenseActivation read_activation(const io::JsonConfig& config) {
  const std::string name =
      last_word(config.find_string("activation_function").value_or("Tanh"));
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  throw UnsupportedModelError(
      "[embedding] " + config.origin() + ": activation '" + name +
          "' is not supported",
      "Supported: Identity, Tanh, ReLU, GELU, Sigmoid, SiLU.");
}

DenseProjection read_dense(const fs::path& folder) {
  const io::JsonConfig config = io::JsonConfig::load(folder / "config.json");
  if (!fs::exists(folder / "model.safetensors")) {
    throw ModelLoadingError(
        "[embedding] " + folder.string() + " has no model.safetensors",
        "Save the model again with sentence-transformers.");
  }
  const io::TensorArchive tensors =
      io::TensorArchive::open_safetensors(folder / "model.safetensors");
  DenseProjection dense{
      .inputs = read_features(config, "in_features"),
      .outputs = read_features(config, "out_features"),
      .weight = {},
      .bias = {},
      .activation = read_activation(config),
      .adds_input = config.find_bool("use_residual").value_or(false),
      .residual = {}};
  dense.weight =
      read_values(tensors.at("linear.weight"), dense.outputs, dense.inputs);
  if (config.find_bool("bias").value_or(true)) {
    dense.bias = read_values(tensors.at("linear.bias"), 1, dense.outputs);
  }
  if (dense.adds_input && dense.inputs != dense.outputs) {
    dense.residual =
        read_values(tensors.at("residual.weight"), dense.outputs, dense.inputs);
  }
  return dense;
}

// A module's folder, which must lie within the model's.
fs::path module_folder(const fs::path& model, const std::string& path) {
  const fs::path relative(path);
  const bool leaves =
      relative.is_absolute() ||
      std::find(relative.begin(), relative.end(), "..") != relative.end();
  if (!leaves) return model / relative;
  throw ModelLoadingError("[embedding] modules.json names the folder '" + path +
                          "', which is not within the model's");
}

void read_module(const std::string& type, const fs::path& folder,
                 EmbeddingRecipe& recipe) {
  if (type == "Transformer" || type == "Dropout") return;
  if (type == "Pooling") return read_pooling(folder, recipe);
  if (type == "Normalize") {
    recipe.steps.emplace_back(UnitLength{});
    return;
  }
  if (type == "Dense") {
    recipe.steps.emplace_back(read_dense(folder));
    return;
  }
  throw UnsupportedModelError(
      "[embedding] modules.json has a module '" + type +
          "', which is not supported",
      "Supported: Transformer, Pooling, Dense, Normalize, Dropout.");
}

void read_modules(const fs::path& folder, EmbeddingRecipe& recipe) {
  const nlohmann::json modules = io::parse_json_file(folder / "modules.json");
  const auto text = [](const nlohmann::json& module, const char* key) {
    const auto value = module.is_object() ? module.find(key) : module.end();
    return value != module.end() && value->is_string()
               ? value->get<std::string>()
               : std::string();
  };
  if (!modules.is_array() || modules.empty() || modules.size() > kMaxModules) {
    throw ModelLoadingError("[embedding] modules.json holds no list of up to " +
                            std::to_string(kMaxModules) + " modules");
  }
  for (const nlohmann::json& module : modules) {
    read_module(last_word(text(module, "type")),
                module_folder(folder, text(module, "path")), recipe);
  }
  recipe.source = "modules.json";
  if (recipe.pooling.empty()) recipe.pooling = {PoolingMode::kMean};
}

std::optional<int> read_positive(const io::JsonConfig& config,
                                 const char* field) {
  const auto value = config.find_int(field);
  if (!value || *value < 1 || *value > (1 << 28)) return std::nullopt;
  return static_cast<int>(*value);
}

void read_prompts(const fs::path& folder, EmbeddingRecipe& recipe) {
  const fs::path file = folder / "config_sentence_transformers.json";
  if (!fs::exists(file)) return;
  const io::JsonConfig config = io::JsonConfig::load(file);
  recipe.dimensions = read_positive(config, "truncate_dim");
  if (const auto prompts = config.find_object("prompts")) {
    for (const std::string& name : prompts->keys()) {
      recipe.prompts[name] = prompts->find_string(name).value_or("");
    }
  }
  recipe.default_prompt =
      config.find_string("default_prompt_name").value_or("");
  if (!recipe.default_prompt.empty() &&
      !recipe.prompts.contains(recipe.default_prompt)) {
    throw ModelLoadingError("[embedding] " + config.origin() +
                            ": default_prompt_name '" + recipe.default_prompt +
                            "' is none of prompts");
  }
}

void read_limits(const fs::path& folder, EmbeddingRecipe& recipe) {
  for (const char* kind : {"bert", "roberta", "distilbert", "camembert",
                           "albert", "xlm-roberta", "xlnet"}) {
    const fs::path file =
        folder / ("sentence_" + std::string(kind) + "_config.json");
    if (!fs::exists(file)) continue;
    const io::JsonConfig config = io::JsonConfig::load(file);
    recipe.max_tokens = read_positive(config, "max_seq_length");
    recipe.lower_case = config.find_bool("do_lower_case").value_or(false);
    if (recipe.max_tokens) return;
    break;
  }
  // As sentence-transformers does; 1e30 stands for no limit.
  const fs::path tokenizer = folder / "tokenizer_config.json";
  if (!fs::exists(tokenizer)) return;
  const double most = io::JsonConfig::load(tokenizer)
                          .find_number("model_max_length")
                          .value_or(0);
  if (most >= 1 && most <= (1 << 28)) {
    recipe.max_tokens = static_cast<int>(most);
  }
}

std::optional<PoolingMode> mode_of(std::string_view name) {
  for (const auto& [mode, known] : kModes) {
    if (known == name) return mode;
  }
  return std::nullopt;
}

bool says_embedding(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return lower.find("embed") != std::string::npos;
}

}  // namespace

std::string_view to_string(PoolingMode mode) noexcept {
  for (const auto& [known, name] : kModes) {
    if (known == mode) return name;
  }
  return "unknown";
}

std::optional<EmbeddingRecipe> read_embedding_recipe(
    const EmbeddingSource& source) {
  EmbeddingRecipe recipe;
  const bool has_folder = !source.folder.empty();
  if (has_folder && fs::exists(source.folder / "modules.json")) {
    read_modules(source.folder, recipe);
  } else if (const auto mode = mode_of(source.pooling)) {
    recipe.pooling = {*mode};
    recipe.source = "pooling_type of the file";
  } else if (source.is_encoder) {
    recipe.pooling = {PoolingMode::kMean};
    recipe.source = "the default of encoders";
  } else if (says_embedding(source.name)) {
    recipe.pooling = {PoolingMode::kLastToken};
    recipe.source = "the model's name";
  } else {
    return std::nullopt;
  }
  if (has_folder) {
    read_prompts(source.folder, recipe);
    read_limits(source.folder, recipe);
  }
  return recipe;
}

std::string describe(const EmbeddingRecipe& recipe) {
  std::string text;
  for (const PoolingMode mode : recipe.pooling) {
    text += (text.empty() ? "" : " + ") + std::string(to_string(mode));
  }
  for (const EmbeddingStep& step : recipe.steps) {
    if (const auto* dense = std::get_if<DenseProjection>(&step)) {
      text += ", then " + std::to_string(dense->outputs) + " dimensions";
    }
  }
  return text + " (" + recipe.source + ")";
}

}  // namespace abstractllm::families
