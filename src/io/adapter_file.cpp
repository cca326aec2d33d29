// From the two formats' names and shapes to changes of modules.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "io/adapter_factor.h"
#include "io/adapter_options.h"
#include "io/adapter_parameters.h"
#include "io/adapter_scaling.h"
#include "io/embedding_names.h"
#include "io/json_config.h"
#include "io/tensor_archive.h"

namespace abstractllm::io {
namespace {

namespace fs = std::filesystem;

// Ranks in use go up to some hundreds.
constexpr std::int64_t kMaxRank = 1 << 16;

[[noreturn]] void fail(const StoredTensor& tensor, const std::string& what) {
  throw ModelLoadingError(
      fmt::format("[adapter] {}: {}", tensor.describe(), what));
}

// Text without `ending`; nothing if it does not end so.
std::optional<std::string> without_ending(std::string_view text,
                                          std::string_view ending) {
  if (!text.ends_with(ending)) return std::nullopt;
  return std::string(text.substr(0, text.size() - ending.size()));
}

void erase_all(std::string& text, std::string_view piece) {
  for (auto at = text.find(piece); at != text.npos; at = text.find(piece)) {
    text.erase(at, piece.size());
  }
}

}  // namespace

// Collects the tensors of each module.
class AdapterReader {
 public:
  AdapterReader(const fs::path& folder, bool is_peft)
      : config_(JsonConfig::load(folder / "adapter_config.json")),
        archive_(TensorArchive::open_safetensors(
            folder /
            (is_peft ? "adapter_model.safetensors" : "adapters.safetensors"))),
        is_peft_(is_peft),
        scaling_(config_, is_peft) {
    file_.path_ = folder;
    file_.base_ =
        config_.find_string(is_peft ? "base_model_name_or_path" : "model")
            .value_or("");
    file_.bytes_ = archive_.total_bytes();
    if (!is_peft) return;
    refuse_other_adapters(config_);
    kept_ = KeptModules(config_);
    parameters_ = ParameterTargets(config_);
  }

  AdapterFile read() {
    for (const std::string& name : archive_.names()) sort_in(name);
    for (auto& [module, parts] : parts_) add_change(module, parts);
    for (auto& [module, wrappers] : wrappers_) add_parameters(module, wrappers);
    file_ = file_.with_changes(std::move(file_.changes_));
    if (file_.changes_.empty() && file_.replacements_.empty()) {
      throw ModelLoadingError(fmt::format(
          "[adapter] {}: no tensor changes anything", file_.path_.string()));
    }
    return std::move(file_);
  }

 private:
  struct Parts {
    const StoredTensor* a = nullptr;
    const StoredTensor* b = nullptr;
    const StoredTensor* magnitude = nullptr;
    const StoredTensor* bias = nullptr;
    bool is_table = false;
  };

  // PEFT wraps the model twice, and modules in classes of its own.
  static std::string module_name(std::string name) {
    constexpr std::string_view kWrapper = "base_model.model.";
    if (name.starts_with(kWrapper)) name.erase(0, kWrapper.size());
    erase_all(name, ".base_layer");
    erase_all(name, ".modules_to_save.default");
    erase_all(name, ".modules_to_save");
    return name;
  }

  void sort_in(const std::string& name) {
    if (!(is_peft_ ? sort_in_peft(name) : sort_in_mlx(name))) replace(name);
  }

  bool sort_in_mlx(const std::string& name) {
    const StoredTensor* tensor = archive_.find(name);
    if (const auto module = without_ending(name, ".lora_a")) {
      parts_[*module].a = tensor;
    } else if (const auto module = without_ending(name, ".lora_b")) {
      parts_[*module].b = tensor;
    } else if (const auto module = without_ending(name, ".m")) {
      parts_[*module].magnitude = tensor;
    } else {
      return false;
    }
    return true;
  }

  bool sort_in_peft(const std::string& full_name) {
    const StoredTensor* tensor = archive_.find(full_name);
    std::string name = full_name;
    erase_all(name, ".default");
    if (sort_in_parameter(name, tensor)) return true;
    const auto module_before = [&](std::string_view ending) {
      auto module = without_ending(name, ending);
      if (module) *module = module_name(*module);
      return module;
    };
    if (const auto module = module_before(".lora_A.weight")) {
      parts_[*module].a = tensor;
    } else if (const auto module = module_before(".lora_B.weight")) {
      parts_[*module].b = tensor;
    } else if (const auto module = module_before(".lora_B.bias")) {
      parts_[*module].bias = tensor;
    } else if (const auto module = module_before(".lora_embedding_A")) {
      parts_[*module].a = tensor;
      parts_[*module].is_table = true;
    } else if (const auto module = module_before(".lora_embedding_B")) {
      parts_[*module].b = tensor;
    } else if (const auto module =
                   module_before(".lora_magnitude_vector.weight")) {
      parts_[*module].magnitude = tensor;
    } else if (const auto module = module_before(".lora_magnitude_vector")) {
      parts_[*module].magnitude = tensor;
    } else {
      return false;
    }
    return true;
  }

  // A factor of a parameter, and not of a layer.
  bool sort_in_parameter(const std::string& name, const StoredTensor* tensor) {
    for (const auto& [ending, factor] :
         {std::pair(".lora_A.weight", &ParameterFactors::a),
          std::pair(".lora_B.weight", &ParameterFactors::b)}) {
      const auto wrapped = without_ending(name, ending);
      if (!wrapped) continue;
      const std::string module = module_name(*wrapped);
      if (parameters_.of(module).empty()) return false;
      wrappers_[module][*wrapped].*factor = tensor;
      return true;
    }
    return false;
  }

  void add_parameters(const std::string& module,
                      const std::map<std::string, ParameterFactors>& wrapped) {
    std::vector<ParameterFactors> wrappers;
    for (const auto& [name, factors] : wrapped) {
      if (factors.a == nullptr || factors.b == nullptr) {
        fail(factors.a ? *factors.a : *factors.b,
             fmt::format("the other factor of '{}' is missing", module));
      }
      wrappers.push_back(factors);
    }
    for (LowRankChange& change : parameters_.changes(module, wrappers)) {
      const float factor = scaling_.factor(module, change.rank);
      for (float& value : change.up) value *= factor;
      file_.changes_.push_back(std::move(change));
    }
  }

  void replace(const std::string& full_name) {
    const StoredTensor& tensor = archive_.at(full_name);
    const std::string name = is_peft_ ? module_name(full_name) : full_name;
    if (name.find("lora_") != name.npos) {
      fail(tensor, "this part of an adapter is not supported");
    }
    // What lies below a change is loaded in place, and so is seen by all that
    // share it; a module of modules_to_save is a copy.
    const bool is_below = full_name.find(".base_layer.") != full_name.npos;
    const bool is_copy =
        is_peft_ && !is_below &&
        kept_.is_copy(std::string_view(name).substr(0, name.rfind('.')));
    file_.replacements_.emplace(name, Replacement{tensor, !is_copy});
  }

  void add_change(const std::string& module, const Parts& parts) {
    if (parts.a == nullptr || parts.b == nullptr) {
      const StoredTensor* there = parts.a           ? parts.a
                                  : parts.b         ? parts.b
                                  : parts.magnitude ? parts.magnitude
                                                    : parts.bias;
      fail(*there, fmt::format("the other factor of '{}' is missing", module));
    }
    AdapterFactor a = read_factor(*parts.a);
    AdapterFactor b = read_factor(*parts.b);
    const bool is_table = parts.is_table || names_a_table(module);
    // Each in the form up (outputs, rank), down (rank, inputs).
    AdapterFactor down;
    AdapterFactor up;
    if (is_table) {
      up = is_peft_ ? transposed(a) : std::move(a);
      down = is_peft_ ? transposed(b) : std::move(b);
    } else if (is_peft_ || parts.b->shape.size() == 3) {
      // mlx-lm lays the first factors of all experts one under the other.
      if (parts.a->shape.size() == 2 && a.rows % b.experts == 0) {
        a.experts = b.experts;
        a.rows /= b.experts;
      }
      down = std::move(a);
      up = std::move(b);
    } else {
      down = transposed(a);
      up = transposed(b);
    }
    if (up.columns != down.rows || up.experts != down.experts ||
        down.rows > kMaxRank) {
      fail(*parts.b, fmt::format("does not fit {} of '{}'",
                                 shape_text(parts.a->shape), module));
    }
    const float factor = scaling_.factor(module, down.rows);
    for (float& value : up.values) value *= factor;
    LowRankChange change{
        .module = module,
        .experts = up.experts,
        .rank = down.rows,
        .outputs = up.rows * up.experts,
        .inputs = down.columns,
        .down = std::move(down.values),
        .up = std::move(up.values),
        .is_table = is_table,
        .reaches_tied_head = is_table && (!is_peft_ || kept_.keeps_tied()),
        .inputs_first = config_.find_bool("fan_in_fan_out").value_or(false)};
    add_numbers(change, parts, factor);
    file_.changes_.push_back(std::move(change));
  }

  void add_numbers(LowRankChange& change, const Parts& parts, float factor) {
    if (parts.magnitude != nullptr) {
      if (change.is_table && is_peft_) {
        change.column_magnitude =
            read_numbers(*parts.magnitude, change.inputs, "magnitudes");
      } else {
        change.magnitude =
            read_numbers(*parts.magnitude, change.outputs, "magnitudes");
      }
    }
    if (parts.bias == nullptr) return;
    change.bias = read_numbers(*parts.bias, change.outputs, "biases");
    for (float& value : change.bias) value *= factor;
  }

  JsonConfig config_;
  TensorArchive archive_;
  bool is_peft_;
  AdapterScaling scaling_;
  KeptModules kept_;
  ParameterTargets parameters_;
  std::map<std::string, Parts> parts_;
  // Of each module, by the names that PEFT's wrapping gives them.
  std::map<std::string, std::map<std::string, ParameterFactors>> wrappers_;
  AdapterFile file_;
};

AdapterFile AdapterFile::open(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw ModelNotFoundError(
        fmt::format("[adapter] {}: no such folder", folder.string()),
        "An adapter is a folder with adapter_config.json and its tensors.");
  }
  const auto has = [&](const char* name) {
    return fs::is_regular_file(folder / name, ignored);
  };
  const bool is_peft = has("adapter_model.safetensors");
  if (!has("adapter_config.json") ||
      (!is_peft && !has("adapters.safetensors"))) {
    throw ModelLoadingError(
        fmt::format("[adapter] {}: expected adapter_config.json and "
                    "adapters.safetensors or adapter_model.safetensors",
                    folder.string()),
        "Adapters are read in mlx-lm's and PEFT's format, in safetensors.");
  }
  return AdapterReader(folder, is_peft).read();
}

bool AdapterFile::unties(std::string_view head) const {
  for (const LowRankChange& change : changes_) {
    if (change.module == head) return true;
    if (change.is_table && !change.reaches_tied_head) return true;
  }
  const std::string weight = std::string(head) + ".weight";
  for (const auto& [name, replacement] : replacements_) {
    if (name == weight || !replacement.reaches_tied_head) return true;
  }
  return false;
}

AdapterFile AdapterFile::with_changes(
    std::vector<LowRankChange> changes) const {
  AdapterFile other = *this;
  std::sort(changes.begin(), changes.end(),
            [](const LowRankChange& a, const LowRankChange& b) {
              return a.module < b.module;
            });
  other.changes_ = std::move(changes);
  return other;
}

const LowRankChange* AdapterFile::find(std::string_view module) const {
  const auto found =
      std::lower_bound(changes_.begin(), changes_.end(), module,
                       [](const LowRankChange& change, std::string_view name) {
                         return change.module < name;
                       });
  return found != changes_.end() && found->module == module ? &*found : nullptr;
}

}  // namespace abstractllm::io
