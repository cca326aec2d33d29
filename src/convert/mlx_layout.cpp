// One function for each kind of module that is laid out anew.
// SPDX-License-Identifier: Apache-2.0
#include "convert/mlx_layout.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "convert/expert_stacks.h"
#include "convert/mlx_families.h"
#include "convert/tensor_parts.h"
#include "convert/transposed_rows.h"
#include "io/expert_order.h"

namespace abstractllm::convert {
namespace {

using Matrices = std::vector<io::WeightMatrix>;

// Of a matrix that is stored in two parts, quantised or not.
constexpr std::array<std::string_view, 4> kLatentParts{
    ".k_b.scales", ".k_b.biases", ".v_b.scales", ".v_b.biases"};

// What transformers 5 calls "mlp" in Mixtral's kin has its old name in mlx-lm.
std::string in_mixtral(const io::WeightSource& weights, std::string name) {
  constexpr std::string_view kNow = ".mlp.";
  constexpr std::string_view kRouter = "router";
  const auto type = weights.config().find_string("model_type");
  const std::size_t at = name.find(kNow);
  if ((type != "mixtral" && type != "phimoe") || at == name.npos) return name;
  std::string rest = name.substr(at + kNow.size());
  if (rest.starts_with(kRouter)) rest = "gate" + rest.substr(kRouter.size());
  return name.substr(0, at) + ".block_sparse_moe." + rest;
}

// Checkpoints of embedding models hold what others have below "model.", where
// mlx-lm looks for it.
std::string in_model(const io::WeightSource& weights, const std::string& name) {
  const bool is_inside = name.starts_with("embed_tokens.") ||
                         name.starts_with("layers.") ||
                         name.starts_with("norm.");
  const bool is_bare = is_inside && weights.has_matrix("embed_tokens");
  return in_mixtral(weights, is_bare ? "model." + name : name);
}

// Rows of a module that become a matrix of the output.
struct Part {
  std::string name;
  std::vector<std::int64_t> leading;  // shape, without the columns
  Order order;                        // empty: all rows as they are
};

class Layouter {
 public:
  explicit Layouter(const io::WeightSource& weights)
      : weights_(weights),
        type_(weights.config().find_string("model_type").value_or("")) {}

  MlxLayout lay_out() {
    for (const std::string& name : weights_.names()) {
      if (mlx_name(weights_, name).empty()) continue;
      for (const std::string_view end :
           {".weight", ".qweight", ".weight_packed", "_blocks", ""}) {
        if (name.ends_with(end)) {
          add(name.substr(0, name.size() - end.size()), name);
          break;
        }
      }
    }
    for (auto& [name, modules] : experts_) stack(name, modules);
    return std::move(layout_);
  }

 private:
  void add(const std::string& module, const std::string& tensor) {
    if (layout_.taken.contains(module)) return;
    const auto ends = [&](std::string_view end) {
      return module.ends_with(end);
    };
    if (const auto expert = parse_expert(module); expert && module != tensor) {
      experts_[expert->before + stack_module() + name_in_stack(expert->name)]
              [expert->index] = module;
    } else if (is_ungated_stack(module)) {
      const std::string name = name_in_stack(module.substr(sibling_at(module)));
      rename(module, sibling(sibling(module, ""), "switch_mlp." + name));
    } else if ((type_ == "deepseek_v3" || type_ == "kimi_k2" ||
                type_ == "mistral4") &&
               module.find(".kv_b_proj") != npos) {
      divide_latent(module.substr(0, module.find(".kv_b_proj")) + ".");
    } else if (ends(".block_sparse_moe.input_linear")) {
      halve_stack(module, sibling(module, "switch_mlp."));
    } else if (ends(".block_sparse_moe.output_linear")) {
      rename(module, sibling(module, "switch_mlp.down_proj"));
    } else if (ends(".shared_mlp.input_linear") && !has_experts()) {
      halve(module, sibling(sibling(module, ""), "mlp."));
    } else if (ends(".shared_mlp.output_linear") && !has_experts()) {
      rename(module, sibling(sibling(module, ""), "mlp.down_proj"));
    } else if (ends(".experts.gate_up_proj")) {
      divide_unit(module);
    } else if (ends(".experts.down_proj") &&
               (module == tensor ||
                (!keeps_experts() &&
                 weights_.has_matrix(sibling(module, "gate_up_proj"))))) {
      add_down(module);
    } else if (ends(".experts.down_proj") && tensor.ends_with("_blocks")) {
      rename(module, module);
      const io::WeightMatrix all = weights_.matrix(module);
      const std::int64_t experts = count_experts(all);
      add_vector(module + "_bias", module + ".bias",
                 {experts, all.rows() / experts}, {});
    } else if (type_.starts_with("bailing_moe") && ends(".mlp.gate")) {
      rename(module, module + ".gate_proj");
    } else if (type_ == "gpt2" && is_inputs_first(module)) {
      turn_layer(module, mlx_name(weights_, module));
    }
  }

  // Where "d" begins in "a.b.c.d", or "b." in "a.b.".
  static std::size_t sibling_at(const std::string& module) {
    const std::size_t end = module.size() - (module.ends_with('.') ? 2 : 1);
    return module.rfind('.', end) + 1;
  }

  // "a.b.c." + `name` of "a.b.c.d"; of "a.b." it is "a." + `name`.
  static std::string sibling(const std::string& module,
                             const std::string& name) {
    return module.substr(0, sibling_at(module)) + name;
  }

  // mlx-lm's experts without gates, Nemotron 3's, have names of their own.
  std::string name_in_stack(const std::string& name) const {
    if (type_ == "nemotron_h" && name == "up_proj") return "fc1";
    if (type_ == "nemotron_h" && name == "down_proj") return "fc2";
    return stacked_name(name);
  }

  // As transformers 5 saves Nemotron 3: (experts, outputs, inputs).
  bool is_ungated_stack(const std::string& module) const {
    return type_ == "nemotron_h" && (module.ends_with(".experts.up_proj") ||
                                     module.ends_with(".experts.down_proj"));
  }

  bool has_experts() const {
    return weights_.config().find_int("num_local_experts").value_or(0) > 0;
  }

  // mlx-lm's models of these have `experts.gate_proj`, all others
  // `switch_mlp.gate_proj`.
  bool keeps_experts() const {
    return type_ == "gpt_oss" || type_.starts_with("llama4");
  }

  // mlx-lm has the stacks under the name that single experts have elsewhere.
  bool has_no_stack_module() const {
    return type_ == "afmoe" || type_ == "dots1";
  }

  std::string stack_module() const {
    return has_no_stack_module() ? ".experts." : ".switch_mlp.";
  }

  // Of a stack that is stored under a name without ".weight".
  std::string name_of_stack(const std::string& module,
                            const std::string& name) const {
    if (keeps_experts() || has_no_stack_module()) return sibling(module, name);
    if (type_.starts_with("gemma4")) {
      return sibling(module, "switch_glu." + name);
    }
    return sibling(sibling(module, ""), "switch_mlp." + name);
  }

  // Whether the stack is (experts, inputs, outputs): what gpt-oss and Llama 4
  // have under a name without ".weight". Others have it in either order; the
  // inputs decide, as they do when a model is loaded.
  bool is_turned(const std::string& module) const {
    if (!weights_.has_vector(module)) return false;
    return keeps_experts() || io::experts_have_inputs_first(
                                  weights_, sibling(module, ""), hidden_size());
  }

  std::int64_t hidden_size() const {
    const io::JsonConfig& config = weights_.config();
    const auto text = config.find_object("text_config");
    return text ? text->require_int("hidden_size")
                : config.require_int("hidden_size");
  }

  bool is_inputs_first(const std::string& module) const {
    if (weights_.is_gguf() || weights_.has_matrix("model.wte")) return false;
    return module.ends_with(".c_attn") || module.ends_with(".c_proj") ||
           module.ends_with(".c_fc");
  }

  void emit(const std::string& name, std::vector<std::int64_t> leading,
            std::function<Matrices()> matrices) {
    layout_.matrices.push_back(
        {in_model(weights_, name), std::move(leading), std::move(matrices)});
  }

  void stack(const std::string& name, const std::map<int, std::string>& found) {
    std::vector<std::string> modules;
    for (const auto& [index, module] : found) {
      if (index != static_cast<int>(modules.size())) {
        throw ModelLoadingError("[convert] expert " +
                                std::to_string(modules.size()) + " of '" +
                                name + "' is missing");
      }
      modules.push_back(module);
      layout_.taken.insert(module);
    }
    emit(
        name,
        {static_cast<std::int64_t>(modules.size()),
         weights_.matrix(modules.front()).rows()},
        [weights = weights_, modules] { return same_sized(weights, modules); });
  }

  void rename(const std::string& module, const std::string& name) {
    layout_.taken.insert(module);
    add_vector(module + ".bias", name + ".bias", {}, {});
    emit(name, weights_.matrix(module).leading_shape(),
         [weights = weights_, module] {
           return Matrices{weights.matrix(module)};
         });
  }

  void pick(const std::string& module, Part part) {
    layout_.taken.insert(module);
    emit(std::move(part.name), std::move(part.leading),
         [weights = weights_, module, order = std::move(part.order)] {
           return Matrices{weights.matrix(module).permute_rows(order)};
         });
  }

  // Gates and then what they gate.
  void halve(const std::string& module, const std::string& into) {
    const io::WeightMatrix all = weights_.matrix(module);
    const std::int64_t half = half_of(all, all.rows());
    pick(module, {into + "gate_proj", {half}, rows_of_blocks(1, 0, 0, half)});
    pick(module, {into + "up_proj", {half}, rows_of_blocks(1, 0, half, half)});
  }

  // The same of each expert.
  void halve_stack(const std::string& module, const std::string& into) {
    const io::WeightMatrix all = weights_.matrix(module);
    const std::int64_t blocks = count_experts(all);
    const std::int64_t rows = all.rows() / blocks;
    const std::int64_t half = half_of(all, rows);
    pick(module, {into + "gate_proj",
                  {blocks, half},
                  rows_of_blocks(blocks, rows, 0, half)});
    pick(module, {into + "up_proj",
                  {blocks, half},
                  rows_of_blocks(blocks, rows, half, half)});
  }

  // `part` of (blocks * inputs, outputs) as (blocks * outputs, inputs).
  void turn(const std::string& module, std::int64_t blocks, Part part) {
    layout_.taken.insert(module);
    emit(std::move(part.name), std::move(part.leading),
         [weights = weights_, module, blocks, order = std::move(part.order)] {
           const auto turned = transposed(weights.matrix(module), blocks);
           return Matrices{order.empty() ? turned : turned.permute_rows(order)};
         });
  }

  void turn_layer(const std::string& module, const std::string& name) {
    turn(module, 1, {name, {weights_.matrix(module).columns()}, {}});
    add_vector(module + ".bias", name + ".bias", {}, {});
  }

  // Numbers `order`, or all, of `from`; `shape` empty: that of a vector.
  void add_vector(const std::string& from, const std::string& name,
                  std::vector<std::int64_t> shape, const Order& order) {
    if (!weights_.has_vector(from)) return;
    layout_.taken.insert(from);
    const std::vector<float> stored = weights_.vector(from);
    const auto size = static_cast<std::int64_t>(stored.size());
    if (shape.empty()) shape = {size};
    std::int64_t wanted = 1;
    for (const std::int64_t each : shape) wanted *= each;
    std::vector<float> picked;
    for (const std::int32_t i : order) {
      if (i >= size) break;
      picked.push_back(stored[static_cast<std::size_t>(i)]);
    }
    if (order.empty()) picked = stored;
    if (static_cast<std::int64_t>(picked.size()) != wanted) {
      throw ModelLoadingError(
          "[convert] '" + from + "' has " + std::to_string(size) +
              " numbers, of which '" + name + "' needs " +
              std::to_string(wanted),
          "The file does not fit its config.json, or is damaged.");
    }
    layout_.vectors.push_back({in_model(weights_, name), std::move(shape),
                               std::move(picked), weights_.tensor(from).type});
  }

  // gpt-oss has gates and what they gate in turns, all others one behind the
  // other.
  void divide_unit(const std::string& module) {
    const io::WeightMatrix all = weights_.matrix(module);
    const bool turned = is_turned(module);
    const std::int64_t blocks = count_experts(all);
    const std::int64_t rows = turned ? all.columns() : all.rows() / blocks;
    const std::int64_t half = half_of(all, rows);
    const bool in_turns = type_ == "gpt_oss";
    for (const int part : {0, 1}) {
      const std::string name =
          name_of_stack(module, part == 0 ? "gate_proj" : "up_proj");
      const Order order = in_turns
                              ? rows_of_blocks(blocks, rows, part, half, 2)
                              : rows_of_blocks(blocks, rows, part * half, half);
      if (turned) {
        turn(module, blocks, {name, {blocks, half}, order});
      } else {
        pick(module, {name, {blocks, half}, order});
      }
      add_vector(module + "_bias", name + ".bias", {blocks, half}, order);
    }
  }

  // Lies as the first matrix does, whose shape says how.
  void add_down(const std::string& module) {
    const std::string name = name_of_stack(module, "down_proj");
    const bool turned =
        is_turned(keeps_experts() ? module : sibling(module, "gate_up_proj"));
    if (!turned) return rename(module, name);
    const io::WeightMatrix all = weights_.matrix(module);
    const std::int64_t blocks = count_experts(all);
    turn(module, blocks, {name, {blocks, all.columns()}, {}});
    add_vector(module + "_bias", name + ".bias", {blocks, all.columns()}, {});
  }

  // DeepSeek's unfolding of latents: for keys, turned over, and for values.
  void divide_latent(const std::string& attention) {
    const std::string module = attention + "kv_b_proj";
    if (layout_.taken.contains(module)) return;
    const io::JsonConfig& config = weights_.config();
    const std::int64_t heads = config.require_int("num_attention_heads");
    const std::int64_t keys = config.require_int("qk_nope_head_dim");
    const io::WeightMatrix all = weights_.matrix(module);
    const std::int64_t pair = heads > 0 ? all.rows() / heads : 0;
    if (pair <= keys || keys < 1 || pair * heads != all.rows()) {
      throw ModelLoadingError("[convert] '" + module + "' has " +
                              std::to_string(all.rows()) + " rows for " +
                              std::to_string(heads) + " heads");
    }
    pick(module, {attention + "unembed_out",
                  {heads, pair - keys},
                  rows_of_blocks(heads, pair, keys, pair - keys)});
    const Order order = rows_of_blocks(heads, pair, 0, keys);
    emit(attention + "embed_q", {heads, all.columns()},
         [weights = weights_, module, heads, order] {
           return Matrices{
               transposed(weights.matrix(module).permute_rows(order), heads)};
         });
  }

  static constexpr std::size_t npos = std::string::npos;
  const io::WeightSource& weights_;
  std::string type_;
  // By the name of the stack, each expert's module.
  std::map<std::string, std::map<int, std::string>> experts_;
  MlxLayout layout_;
};

}  // namespace

bool MlxLayout::takes(std::string_view tensor) const {
  if (taken.contains(std::string(tensor))) return true;
  for (const std::string_view end : {"_blocks", "_scales"}) {
    if (!tensor.ends_with(end)) continue;
    tensor.remove_suffix(end.size());
    return taken.contains(std::string(tensor));
  }
  const auto is_part = [&](std::string_view part) {
    return tensor.ends_with(part) && taken.contains(std::string(tensor.substr(
                                         0, tensor.size() - part.size())));
  };
  return std::any_of(kMains.begin(), kMains.end(), is_part) ||
         std::any_of(kCompanions.begin(), kCompanions.end(), is_part) ||
         std::any_of(kLatentParts.begin(), kLatentParts.end(), is_part);
}

MlxLayout lay_out_for_mlx(const io::WeightSource& weights) {
  MlxLayout layout = Layouter(weights).lay_out();
  lay_out_family(weights, layout);
  return layout;
}

std::string mlx_name(const io::WeightSource& weights, const std::string& name) {
  const io::JsonConfig& config = weights.config();
  const bool is_head = name.starts_with("lm_head.");
  const auto type = config.find_string("model_type");
  if (type == "gpt2") {
    constexpr std::string_view kRoot = "transformer.";
    if (is_head || name.ends_with(".attn.bias") ||
        name.ends_with(".attn.masked_bias")) {
      return {};
    }
    if (name.starts_with("model.")) return name;
    return "model." +
           (name.starts_with(kRoot) ? name.substr(kRoot.size()) : name);
  }
  // Layers that guess further tokens.
  if (type == "qwen3_next" && name.starts_with("mtp.")) return {};
  // A head that is the embedding: mlx-lm has none.
  const bool tied = config.find_bool("tie_word_embeddings").value_or(false);
  if (is_head && tied && weights.has_matrix("model.embed_tokens")) return {};
  return in_model(weights, name);
}

bool is_plain_router(const io::JsonConfig& config, std::string_view module) {
  return config.has("n_routed_experts") &&
         (module.ends_with(".mlp.gate") || module.ends_with(".mixer.gate"));
}

}  // namespace abstractllm::convert
