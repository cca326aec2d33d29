// Modules of a checkpoint, and what becomes of each.
// SPDX-License-Identifier: Apache-2.0
#include "convert/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "abstractllm/error.h"
#include "convert/rope_scaling.h"

namespace abstractllm::convert {
namespace {

using io::StorageType;

// Parts of a module beside the one that names it.
constexpr std::array kCompanions{
    ".scales",
    ".biases",
    ".qzeros",
    ".g_idx",
    ".weight_scale",
    ".weight_scale_inv",
    ".weight_shape",
    ".weight_g_idx",
    ".weight_zero_point",
    ".input_scale",
    ".input_global_scale",
    ".weight_global_scale",
    ".v_b.weight",
};
constexpr std::array kMains{".qweight", ".weight_packed", ".k_b.weight",
                            ".weight"};

[[noreturn]] void refuse(const std::string& what, std::string hint) {
  throw InvalidParameterError("[convert] " + what, std::move(hint));
}

void check(const Quantisation& wanted) {
  const auto is = [](int value, std::initializer_list<int> allowed) {
    return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
  };
  if (wanted.mode == "affine") {
    if (!is(wanted.bits, {2, 3, 4, 5, 6, 8})) {
      refuse(fmt::format("{} bits", wanted.bits), "Use 2, 3, 4, 5, 6 or 8.");
    }
    if (!is(wanted.group_size, {32, 64, 128})) {
      refuse(fmt::format("groups of {}", wanted.group_size),
             "Use 32, 64 or 128.");
    }
    return;
  }
  const Quantisation own = wanted.mode == "mxfp8" ? Quantisation{"mxfp8", 8, 32}
                           : wanted.mode == "nvfp4"
                               ? Quantisation{"nvfp4", 4, 16}
                               : Quantisation{"mxfp4", 4, 32};
  if (wanted != own) {
    refuse(fmt::format("mode '{}' with {} bits in groups of {}", wanted.mode,
                       wanted.bits, wanted.group_size),
           "Modes are affine, mxfp4, mxfp8 and nvfp4; the last three have bits "
           "and groups of their own.");
  }
}

Quantisation of_mode(const std::string& mode, int bits, int group_size) {
  Quantisation wanted{.mode = mode,
                      .bits = mode == "mxfp8" ? 8 : 4,
                      .group_size = mode == "affine"  ? 64
                                    : mode == "nvfp4" ? 16
                                                      : 32};
  if (bits != 0) wanted.bits = bits;
  if (group_size != 0) wanted.group_size = group_size;
  check(wanted);
  return wanted;
}

std::optional<int> read_number(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

// "keep", "4", "8/32" or a mode.
std::optional<Quantisation> parse_rule(const std::string& text) {
  if (text == "keep") return std::nullopt;
  const std::size_t slash = text.find('/');
  const auto bits = read_number(std::string_view(text).substr(0, slash));
  if (!bits) return of_mode(text, 0, 0);
  int group = 0;
  if (slash != text.npos) {
    const auto given = read_number(std::string_view(text).substr(slash + 1));
    if (!given) refuse(fmt::format("rule '{}'", text), "As in 8/32.");
    group = *given;
  }
  return of_mode("affine", *bits, group);
}

struct Recipe {
  int low;
  int high;
};

std::optional<Recipe> parse_recipe(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name == "mixed_2_6") return Recipe{2, 6};
  if (name == "mixed_3_4") return Recipe{3, 4};
  if (name == "mixed_3_6") return Recipe{3, 6};
  if (name == "mixed_4_6") return Recipe{4, 6};
  refuse(fmt::format("recipe '{}'", name),
         "Known are mixed_2_6, mixed_3_4, mixed_3_6 and mixed_4_6.");
}

std::string type_of(const std::string& dtype) {
  if (dtype == "float16") return "F16";
  if (dtype == "bfloat16") return "BF16";
  if (dtype == "float32") return "F32";
  refuse(fmt::format("dtype '{}'", dtype), "Use float16, bfloat16 or float32.");
}

class Planner {
 public:
  Planner(const io::WeightSource& weights, const ConversionOptions& options)
      : weights_(weights),
        common_(common_quantisation(options)),
        recipe_(parse_recipe(options.recipe)) {
    for (const auto& [glob, rule] : options.rules) {
      rules_.emplace_back(glob, parse_rule(rule));
    }
    const io::JsonConfig& config = weights.config();
    layers_ =
        static_cast<int>(config.find_int("num_hidden_layers")
                             .value_or(config.find_int("n_layer").value_or(0)));
    if (!options.dtype.empty()) {
      dtype_ = type_of(options.dtype);
      return;
    }
    auto said = config.find_string("torch_dtype");
    if (!said) said = config.find_string("dtype");
    if (said &&
        (*said == "float16" || *said == "bfloat16" || *said == "float32")) {
      dtype_ = type_of(*said);
    }
  }

  ConversionPlan plan() {
    plan_.common = common_;
    const std::vector<std::string> names = weights_.names();
    const std::set<std::string> known(names.begin(), names.end());
    for (const std::string& name : names) add(name, known);
    for (const PlannedModule& module : plan_.modules) {
      for (const PlannedTensor& tensor : module.tensors) {
        plan_.bytes += tensor.bytes;
      }
    }
    return std::move(plan_);
  }

 private:
  void add(const std::string& name, const std::set<std::string>& known) {
    if (name.ends_with("rotary_emb.inv_freq")) return;
    if (name == "rope_freqs.weight" && llama3_scaling(weights_)) {
      weights_.tensor(name);
      return;
    }
    for (const std::string_view part : kCompanions) {
      if (!name.ends_with(part)) continue;
      const std::string module = name.substr(0, name.size() - part.size());
      for (const std::string_view main : kMains) {
        if (known.contains(module + std::string(main))) return;
      }
    }
    for (const std::string_view main : kMains) {
      if (!name.ends_with(main)) continue;
      const std::string module = name.substr(0, name.size() - main.size());
      const io::StoredTensor& tensor = weights_.tensor(name);
      const bool is_matrix = main != ".weight" || tensor.shape.size() >= 2;
      if (is_matrix && module.find("conv") == module.npos) {
        return add_matrix(module);
      }
    }
    add_other(name);
  }

  void add_matrix(const std::string& module) {
    const io::WeightMatrix matrix = weights_.matrix(module);
    PlannedModule planned{.kind = PlannedModule::Kind::kMatrix,
                          .source = module,
                          .quantisation = quantisation_of(module),
                          .dtype = type_for(matrix.stored_type())};
    if (planned.quantisation &&
        matrix.columns() % planned.quantisation->group_size != 0) {
      planned.quantisation.reset();
    }
    add_tensors(planned, matrix);
    plan_.modules.push_back(std::move(planned));
  }

  void add_other(const std::string& name) {
    const io::StoredTensor& tensor = weights_.tensor(name);
    const io::StorageTraits& traits = io::storage_traits(tensor.type);
    const bool is_number =
        traits.readable && traits.block_elements == 1 && traits.block_bytes > 1;
    PlannedModule planned{.source = name};
    if (is_number) {
      planned.kind = PlannedModule::Kind::kVector;
      planned.dtype = type_for(tensor.type);
      planned.tensors.push_back(sized(name, planned.dtype, tensor.shape));
    } else {
      planned.tensors.push_back(
          {name, std::string(traits.name), tensor.shape, tensor.bytes.size()});
    }
    plan_.modules.push_back(std::move(planned));
  }

  std::string type_for(StorageType stored) const {
    if (!dtype_.empty()) return dtype_;
    switch (stored) {
      case StorageType::kF32:
      case StorageType::kF16:
      case StorageType::kBF16:
        return std::string(io::to_string(stored));
      default:
        return weights_.is_gguf() ? "F16" : "BF16";
    }
  }

  std::optional<Quantisation> quantisation_of(const std::string& module) const {
    for (const auto& [glob, rule] : rules_) {
      if (matches_glob(glob, module)) return rule;
    }
    if (!common_ || !recipe_) return common_;
    Quantisation mixed = *common_;
    mixed.bits =
        takes_more_bits(module, layers_) ? recipe_->high : recipe_->low;
    return mixed;
  }

  static PlannedTensor sized(std::string name, std::string type,
                             std::vector<std::int64_t> shape) {
    std::uint64_t bytes = type == "F32" || type == "U32" ? 4
                          : type == "U8"                 ? 1
                                                         : 2;
    for (const std::int64_t size : shape) {
      bytes *= static_cast<std::uint64_t>(size);
    }
    return {std::move(name), std::move(type), std::move(shape), bytes};
  }

  static void add_tensors(PlannedModule& planned,
                          const io::WeightMatrix& matrix) {
    const auto shaped = [&](std::int64_t last) {
      std::vector<std::int64_t> shape = matrix.leading_shape();
      if (shape.empty()) shape.push_back(1);
      shape.push_back(last);
      return shape;
    };
    const std::int64_t columns = matrix.columns();
    const std::string weight = planned.source + ".weight";
    if (!planned.quantisation) {
      planned.tensors = {sized(weight, planned.dtype, shaped(columns))};
      return;
    }
    const Quantisation& q = *planned.quantisation;
    const bool affine = q.mode == "affine";
    const std::string scale_type = affine ? planned.dtype : "U8";
    const std::int64_t groups = columns / q.group_size;
    planned.tensors = {
        sized(weight, "U32", shaped(columns * q.bits / 32)),
        sized(planned.source + ".scales", scale_type, shaped(groups))};
    if (affine) {
      planned.tensors.push_back(
          sized(planned.source + ".biases", scale_type, shaped(groups)));
    }
  }

  const io::WeightSource& weights_;
  std::optional<Quantisation> common_;
  std::optional<Recipe> recipe_;
  std::vector<std::pair<std::string, std::optional<Quantisation>>> rules_;
  int layers_ = 0;
  std::string dtype_;
  ConversionPlan plan_;
};

// The number in a module's name that stands for a layer; 0 without one.
int layer_of(std::string_view module) {
  while (!module.empty()) {
    const std::size_t dot = std::min(module.find('.'), module.size());
    if (const auto number = read_number(module.substr(0, dot))) return *number;
    module.remove_prefix(std::min(dot + 1, module.size()));
  }
  return 0;
}

nlohmann::ordered_json written(const Quantisation& q) {
  return {{"group_size", q.group_size}, {"bits", q.bits}, {"mode", q.mode}};
}

}  // namespace

bool matches_glob(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = glob.npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t]) &&
        glob[g] != '*') {
      ++g;
      ++t;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (star != glob.npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool takes_more_bits(std::string_view module, int layers) {
  const auto has = [&](std::string_view part) {
    return module.find(part) != module.npos;
  };
  if (has("lm_head")) return true;
  const int layer = layer_of(module);
  const int eighth = layers / 8;
  const bool is_chosen = layer < eighth || layer >= 7 * layers / 8 ||
                         (layer >= eighth && (layer - eighth) % 3 == 2);
  return is_chosen && (has("v_proj") || has("v_a_proj") || has("v_b_proj") ||
                       has("down_proj"));
}

std::optional<Quantisation> common_quantisation(
    const ConversionOptions& options) {
  if (options.mode.empty()) {
    if (options.bits != 0 || options.group_size != 0 ||
        !options.recipe.empty()) {
      refuse("bits, group size or recipe without a mode", "Give a mode.");
    }
    return std::nullopt;
  }
  const auto recipe = parse_recipe(options.recipe);
  if (recipe && (options.mode != "affine" || options.bits != 0)) {
    refuse("a recipe goes with mode affine and no bits of its own", "");
  }
  return of_mode(options.mode, recipe ? recipe->low : options.bits,
                 options.group_size);
}

ConversionPlan make_plan(const io::WeightSource& weights,
                         const ConversionOptions& options) {
  return Planner(weights, options).plan();
}

std::string quantization_json(const ConversionPlan& plan) {
  const Quantisation common = plan.common.value_or(Quantisation{});
  nlohmann::ordered_json json = written(common);
  for (const PlannedModule& module : plan.modules) {
    if (module.kind != PlannedModule::Kind::kMatrix) continue;
    if (!module.quantisation) {
      json[module.source] = false;
    } else if (*module.quantisation != common) {
      json[module.source] = written(*module.quantisation);
    }
  }
  return json.dump();
}

}  // namespace abstractllm::convert
