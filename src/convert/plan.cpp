// Modules of a checkpoint, and what becomes of each.
// SPDX-License-Identifier: Apache-2.0
#include "convert/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "convert/expert_stacks.h"
#include "convert/mlx_layout.h"
#include "convert/rope_scaling.h"
#include "convert/tensor_parts.h"

namespace abstractllm::convert {
namespace {

using io::StorageType;

constexpr std::size_t kSuggestions = 3;
const Quantisation kMxfp4{.mode = "mxfp4", .bits = 4, .group_size = 32};

std::string parse_dtype(const std::string& dtype) {
  if (dtype == "float16") return "F16";
  if (dtype == "bfloat16") return "BF16";
  if (dtype == "float32") return "F32";
  throw InvalidParameterError(fmt::format("[convert] dtype '{}'", dtype),
                              "Use float16, bfloat16 or float32.");
}

// Taps of a convolution, not a layer of one: "conv.conv", "mixer.conv1d", but
// not "conv.in_proj".
bool is_convolution(const std::string& module) {
  return module.find("conv", module.rfind('.') + 1) != module.npos;
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
      dtype_ = parse_dtype(options.dtype);
      return;
    }
    auto said = config.find_string("torch_dtype");
    if (!said) said = config.find_string("dtype");
    if (said &&
        (*said == "float16" || *said == "bfloat16" || *said == "float32")) {
      dtype_ = parse_dtype(*said);
    }
  }

  ConversionPlan plan() {
    plan_.common = common_;
    const std::vector<std::string> names = weights_.names();
    const std::set<std::string> known(names.begin(), names.end());
    const MlxLayout layout = lay_out_for_mlx(weights_);
    for (const std::string& name : names) {
      if (!layout.takes(name)) add(name, known);
    }
    refuse_unread_parts();
    for (const LaidOutMatrix& matrix : layout.matrices) add_laid_out(matrix);
    for (const LaidOutVector& vector : layout.vectors) add_laid_out(vector);
    refuse_idle_rules();
    note_kept_matrices();
    note_plain_matrices();
    if (!plan_.common) plan_.common = kept_quantisation();
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
        if (!known.contains(module + std::string(main))) continue;
        const bool is_written = !mlx_name(weights_, module + ".weight").empty();
        if (is_written && !parse_expert(module)) companions_.push_back(name);
        return;
      }
    }
    for (const std::string_view main : kMains) {
      if (!name.ends_with(main)) continue;
      const std::string module = name.substr(0, name.size() - main.size());
      const io::StoredTensor& tensor = weights_.tensor(name);
      const bool is_matrix = main != ".weight" || tensor.shape.size() >= 2;
      if (is_matrix && !is_convolution(module)) return add_matrix(module);
    }
    add_other(name);
  }

  void add_matrix(const std::string& module) {
    const std::string name = mlx_name(weights_, module + ".weight");
    if (name.empty()) return;
    add_laid_out({name.substr(0, name.rfind('.')),
                  weights_.matrix(module).leading_shape(),
                  [weights = weights_, module] {
                    return std::vector{weights.matrix(module)};
                  }});
  }

  void add_laid_out(const LaidOutMatrix& laid_out) {
    const io::WeightMatrix first = laid_out.matrices().front();
    PlannedModule planned{.kind = PlannedModule::Kind::kMatrix,
                          .source = laid_out.name,
                          .matrices = laid_out.matrices,
                          .quantisation = quantisation_of(laid_out.name, first),
                          .dtype = type_for(first.stored_type())};
    if (planned.quantisation &&
        first.columns() % planned.quantisation->group_size != 0) {
      planned.quantisation.reset();
    }
    add_tensors(planned, laid_out.leading, first.columns());
    plan_.modules.push_back(std::move(planned));
  }

  void add_laid_out(const LaidOutVector& laid_out) {
    PlannedModule planned{.kind = PlannedModule::Kind::kVector,
                          .source = laid_out.name,
                          .values = laid_out.values,
                          .dtype = type_of(laid_out.name, laid_out.type)};
    planned.tensors.push_back(
        sized(laid_out.name, planned.dtype, laid_out.shape));
    plan_.modules.push_back(std::move(planned));
  }

  void add_other(const std::string& name) {
    const std::string output = mlx_name(weights_, name);
    if (output.empty()) return;
    const io::StoredTensor& tensor = weights_.tensor(name);
    const io::StorageTraits& traits = io::storage_traits(tensor.type);
    const bool is_number =
        traits.readable && traits.block_elements == 1 && traits.block_bytes > 1;
    PlannedModule planned{.source = name};
    if (is_number) {
      planned.kind = PlannedModule::Kind::kVector;
      planned.dtype = type_of(output, tensor.type);
      planned.tensors.push_back(
          sized(output, planned.dtype, shape_of(output, tensor)));
    } else {
      planned.tensors.push_back({output, std::string(traits.name), tensor.shape,
                                 tensor.bytes.size()});
    }
    plan_.modules.push_back(std::move(planned));
  }

  // Taps of a convolution have two dimensions in GGUF, in mlx-lm three.
  std::vector<std::int64_t> shape_of(const std::string& output,
                                     const io::StoredTensor& tensor) const {
    std::vector<std::int64_t> shape = tensor.shape;
    const bool is_convolution = output.ends_with(".conv1d.weight") ||
                                output.ends_with(".conv.conv.weight");
    if (weights_.is_gguf() && is_convolution && shape.size() == 2) {
      shape.push_back(1);
    }
    return shape;
  }

  // mlx-lm never rounds what is added to the scores of experts: they lie close
  // to each other, and another one would be chosen.
  std::string type_of(const std::string& tensor, StorageType stored) const {
    const bool is_correction = tensor.ends_with("e_score_correction_bias") ||
                               tensor.ends_with("expert_bias");
    return is_correction ? stored_type_for(stored) : type_for(stored);
  }

  std::string type_for(StorageType stored) const {
    return dtype_.empty() ? stored_type_for(stored) : dtype_;
  }

  std::string stored_type_for(StorageType stored) const {
    switch (stored) {
      case StorageType::kF32:
      case StorageType::kF16:
      case StorageType::kBF16:
        return std::string(io::to_string(stored));
      default:
        return weights_.is_gguf() ? "F16" : "BF16";
    }
  }

  std::optional<Quantisation> quantisation_of(
      const std::string& module, const io::WeightMatrix& matrix) const {
    for (const auto& [glob, rule] : rules_) {
      if (matches_glob(glob, module)) return rule;
    }
    // As published: to round it once more loses, to widen it gains nothing.
    if (matrix.encoding() == io::WeightEncoding::kMxfp4) return kMxfp4;
    if (is_plain_router(weights_.config(), module)) return std::nullopt;
    if (!common_ || !recipe_) return common_;
    Quantisation mixed = *common_;
    mixed.bits =
        takes_more_bits(module, layers_) ? recipe_->high : recipe_->low;
    return mixed;
  }

  // A slip in a glob must not leave its modules as if there were no rule.
  void refuse_idle_rules() const {
    std::vector<std::string> modules;
    for (const PlannedModule& module : plan_.modules) {
      if (module.kind == PlannedModule::Kind::kMatrix) {
        modules.push_back(module.source);
      }
    }
    for (const auto& [glob, rule] : rules_) {
      const bool fits =
          std::any_of(modules.begin(), modules.end(),
                      [&, &glob = glob](const std::string& module) {
                        return matches_glob(glob, module);
                      });
      if (fits) continue;
      throw InvalidParameterError(
          fmt::format("[convert] rule '{}' names none of {} modules", glob,
                      modules.size()),
          fmt::format("The nearest: {}.",
                      fmt::join(nearest_globs(glob, modules), ", ")));
    }
  }

  // Modules; for what begins with a star, their last words behind one.
  static std::vector<std::string> nearest_globs(
      const std::string& glob, const std::vector<std::string>& modules) {
    std::set<std::string> known;
    for (const std::string& module : modules) {
      const std::size_t dot = module.rfind('.');
      known.insert(glob.starts_with('*') && dot != module.npos
                       ? "*" + module.substr(dot)
                       : module);
    }
    return base::nearest_names(glob, {known.begin(), known.end()},
                               kSuggestions);
  }

  // A part that reading a matrix left out would be lost without a word.
  void refuse_unread_parts() const {
    const std::vector<std::string> unread = weights_.unread_names();
    for (const std::string& name : companions_) {
      if (!std::binary_search(unread.begin(), unread.end(), name)) continue;
      throw ModelLoadingError(
          fmt::format("[convert] {}: nothing is known to be made of '{}'",
                      weights_.path().string(), name),
          "Convert the model before it is quantised.");
    }
  }

  // Rows that no group divides stay as they are.
  void note_plain_matrices() {
    if (!common_) return;
    const auto is_plain = [](const PlannedModule& module) {
      return !module.quantisation;
    };
    if (!std::all_of(plan_.modules.begin(), plan_.modules.end(), is_plain)) {
      return;
    }
    plan_.notes.push_back(fmt::format(
        "no module is quantised: no rows divide into groups of {}, or rules "
        "keep all of them",
        common_->group_size));
  }

  void note_kept_matrices() {
    if (!common_ || *common_ == kMxfp4) return;
    const auto kept = std::count_if(
        plan_.modules.begin(), plan_.modules.end(),
        [&](const PlannedModule& module) {
          return module.quantisation == kMxfp4 &&
                 std::none_of(rules_.begin(), rules_.end(),
                              [&](const auto& rule) {
                                return matches_glob(rule.first, module.source);
                              });
        });
    if (kept == 0) return;
    plan_.notes.push_back(fmt::format(
        "{} modules stay in MXFP4, in which they are published, and not in {} "
        "bits of '{}'; --rule GLOB=RULE changes that",
        kept, common_->bits, common_->mode));
  }

  // What config.json says of all modules where nobody asked for anything.
  std::optional<Quantisation> kept_quantisation() const {
    for (const PlannedModule& module : plan_.modules) {
      if (module.quantisation) return module.quantisation;
    }
    return std::nullopt;
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
                          const std::vector<std::int64_t>& leading,
                          std::int64_t columns) {
    const auto shaped = [&](std::int64_t last) {
      std::vector<std::int64_t> shape = leading;
      if (shape.empty()) shape.push_back(1);
      shape.push_back(last);
      return shape;
    };
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
  // Parts of matrices beside the one that names them, but for those of experts,
  // which are read when they are written.
  std::vector<std::string> companions_;
  std::string dtype_;
  ConversionPlan plan_;
};

nlohmann::ordered_json written(const Quantisation& q) {
  return {{"group_size", q.group_size}, {"bits", q.bits}, {"mode", q.mode}};
}

}  // namespace

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
