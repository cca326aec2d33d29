// config.json and the tokenizer of a converted model.
// SPDX-License-Identifier: Apache-2.0
#include "convert/model_folder.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "abstractllm/error.h"
#include "convert/mlx_config.h"
#include "convert/rope_scaling.h"
#include "hub/repository_address.h"
#include "io/gguf.h"
#include "io/json_text.h"
#include "io/quantization_side_files.h"
#include "text/gguf_vocabulary.h"
#include "text/special_tokens.h"
#include "text/tokenizer.h"

namespace abstractllm::convert {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream << text;
  if (!stream.flush()) {
    throw FileProcessingError("[convert] cannot write " + path.string());
  }
}

void write_json(const fs::path& path, const ordered_json& json) {
  write_text(
      path,
      json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

void copy_plainly(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (!error) return;
  throw FileProcessingError(fmt::format("[convert] cannot copy {}: {}",
                                        from.string(), error.message()));
}

// Those of a step, its weights among them.
void copy_side_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) {
    throw FileProcessingError(fmt::format("[convert] cannot make {}: {}",
                                          to.string(), error.message()));
  }
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path name = entry.path().filename();
    const bool belongs = is_side_file(name) || name == "config.json" ||
                         name.extension() == ".safetensors";
    if (entry.is_regular_file() && belongs)
      copy_plainly(entry.path(), to / name);
  }
}

void copy_side_files(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.is_regular_file() && is_side_file(entry.path())) {
      copy_plainly(entry.path(), to / entry.path().filename());
    }
  }
  for (const fs::path& folder : side_folders(from)) {
    if (fs::is_directory(from / folder)) {
      copy_side_folder(from / folder, to / folder);
    }
  }
}

// Older configs say "torch_dtype", later ones "dtype", some have both.
void write_dtype(ordered_json& config, const std::string& dtype) {
  bool is_said = false;
  for (const char* field : {"dtype", "torch_dtype"}) {
    if (!config.contains(field)) continue;
    config[field] = dtype;
    is_said = true;
  }
  if (!is_said) config["torch_dtype"] = dtype;
}

void write_tokenizer(const fs::path& gguf, const io::JsonConfig& config,
                     const fs::path& folder) {
  const io::GgufFile file = io::GgufFile::open(gguf);
  const text::GgufVocabulary vocabulary = text::read_gguf_vocabulary(file);
  write_text(folder / "tokenizer.json",
             text::Tokenizer::from_vocabulary(vocabulary).to_json());
  ordered_json settings{{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"clean_up_tokenization_spaces", false}};
  for (const auto& [name, token] : text::special_tokens_of(vocabulary).named) {
    settings[name] = token;
  }
  if (const auto length = config.find_int("max_position_embeddings")) {
    settings["model_max_length"] = *length;
  }
  const auto templates = text::read_chat_templates(file);
  if (const auto chosen = text::choose_chat_template(templates, false)) {
    settings["chat_template"] = *chosen;
  }
  write_json(folder / "tokenizer_config.json", settings);
  ordered_json generation = ordered_json::object();
  for (const char* field : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
    if (const auto value = config.find_json(field)) {
      generation[field] = ordered_json::parse(*value);
    }
  }
  write_json(folder / "generation_config.json", generation);
}

const char* dtype_name(const std::string& type) {
  if (type == "F16") return "float16";
  return type == "BF16" ? "bfloat16" : "float32";
}

}  // namespace

bool is_side_file(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name == "config.json" || name.starts_with('.')) return false;
  if (io::is_quantization_file(name)) return false;
  if (name.ends_with(".index.json")) return false;
  for (const char* ending : {".safetensors", ".bin", ".pt", ".pth", ".gguf",
                             ".onnx", ".h5", ".msgpack"}) {
    if (name.ends_with(ending)) return false;
  }
  return true;
}

std::vector<fs::path> side_folders(const fs::path& folder) {
  std::vector<fs::path> folders{"additional_chat_templates"};
  if (!fs::exists(folder / "modules.json")) return folders;
  const nlohmann::json modules = io::parse_json_file(folder / "modules.json");
  if (!modules.is_array()) return folders;
  for (const nlohmann::json& module : modules) {
    if (!module.is_object() || !module.contains("path")) continue;
    const auto* said = module["path"].get_ptr<const std::string*>();
    if (said == nullptr) continue;
    const std::string path = said->substr(0, said->find_last_not_of('/') + 1);
    // The transformer itself has no folder of its own.
    if (hub::is_safe_path(path)) folders.emplace_back(path);
  }
  return folders;
}

void write_side_files(const io::ModelFiles& files,
                      const io::WeightSource& weights,
                      const ConversionPlan& plan,
                      const ConversionOptions& options,
                      const fs::path& folder) {
  auto config =
      ordered_json::parse(completed_for_mlx(weights.config().to_json()));
  config.erase("quantization");
  config.erase("quantization_config");
  if (plan.common) {
    config["quantization"] = ordered_json::parse(quantization_json(plan));
    config["quantization_config"] = config["quantization"];
  }
  if (const auto scaling = llama3_scaling(weights)) {
    config["rope_scaling"] = ordered_json::parse(*scaling);
  }
  if (!options.dtype.empty()) {
    write_dtype(config, options.dtype);
  } else if (files.gguf && !plan.modules.empty()) {
    write_dtype(config, dtype_name(plan.modules.front().dtype));
  }
  write_json(folder / "config.json", config);
  if (files.gguf) {
    write_tokenizer(*files.gguf, weights.config(), folder);
  } else {
    copy_side_files(files.location, folder);
  }
}

}  // namespace abstractllm::convert
