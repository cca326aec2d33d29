// Names, row order and quantisation resolved over a TensorArchive.
// SPDX-License-Identifier: Apache-2.0
#include "io/weight_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "io/adapted_rows.h"
#include "io/block_decoders.h"
#include "io/embedding_names.h"
#include "io/expert_changes.h"
#include "io/gguf.h"
#include "io/gguf_config.h"
#include "io/gguf_names.h"
#include "io/imagined_tensors.h"
#include "io/latent_parts.h"
#include "io/model_config.h"
#include "io/packed_checkpoints.h"
#include "io/quantization_config.h"
#include "io/tensor_archive.h"

namespace abstractllm::io {
namespace {

constexpr std::size_t kSuggestions = 3;

}  // namespace

struct WeightSource::State {
  struct Entry {
    std::string name;
    std::string own_name;  // the checkpoint's
    const StoredTensor* tensor = nullptr;
    GgufEdit edit = GgufEdit::kNone;  // to be undone
    std::int64_t heads = 0;           // whose rows lie in another order
    std::int64_t kv_heads = 0;        // likewise, of joined ones
    std::atomic<bool> is_read = false;
  };

  explicit State(TensorArchive tensors) : archive(std::move(tensors)) {}

  TensorArchive archive;
  JsonConfig config;
  QuantizationConfig quantization;
  bool is_gguf = false;
  std::shared_ptr<const AdapterFile> adapter;  // null: none is fused
  std::optional<ImaginedTensors> imagined;
  std::shared_ptr<const State> base;  // keeps tensors of `entries` alive
  std::string untied_table;           // whose head was given weights of its own
  std::vector<Entry> entries;         // sorted by name
  std::unordered_map<std::string_view, std::size_t> by_name;

  Entry* find(std::string_view name) {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : &entries[found->second];
  }

  Entry* read(std::string_view name) {
    Entry* entry = find(name);
    if (entry != nullptr) entry->is_read = true;
    return entry;
  }

  Entry& require(std::string_view name) {
    if (Entry* entry = read(name)) return *entry;
    std::vector<std::string> known;
    for (const Entry& entry : entries) known.push_back(entry.name);
    const auto nearest = base::nearest_names(name, known, kSuggestions);
    throw ModelLoadingError(fmt::format(
        "[weights] {}: no tensor '{}' among {}; nearest: {}",
        archive.path().string(), name, known.size(),
        nearest.empty() ? "none"
                        : fmt::format("{}", fmt::join(nearest, ", "))));
  }

  void index(std::vector<std::pair<std::string, const StoredTensor*>> names) {
    std::sort(names.begin(), names.end());
    entries = std::vector<Entry>(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      entries[i].name = std::move(names[i].first);
      entries[i].own_name = entries[i].name;
      entries[i].tensor = names[i].second;
      if (!by_name.emplace(entries[i].name, i).second) {
        throw ModelLoadingError(
            fmt::format("[weights] {}: two tensors stand for '{}'",
                        archive.path().string(), entries[i].name));
      }
    }
  }

  std::vector<std::int32_t> row_order(const Entry& entry,
                                      std::int64_t rows) const {
    const bool joins = entry.edit == GgufEdit::kJoinedHeads;
    const std::int64_t parts =
        joins ? entry.heads + 2 * entry.kv_heads : 2 * entry.heads;
    const bool fits =
        entry.heads >= 1 && rows % parts == 0 &&
        (!joins || (entry.kv_heads >= 1 && entry.heads % entry.kv_heads == 0));
    if (!fits) {
      throw ModelLoadingError(fmt::format("[weights] {}: {} rows for {} heads",
                                          entry.tensor->describe(), rows,
                                          entry.heads));
    }
    return joins ? joined_head_rows(rows, entry.heads, entry.kv_heads)
                 : deinterleaved_rows(rows, entry.heads);
  }
};

namespace {

// Factors of a rotation, which are in the config, and layers behind the last
// one that is run.
bool is_no_weight(std::string_view gguf_name, std::int64_t layers) {
  constexpr std::string_view kLayer = "blk.";
  if (gguf_name.starts_with("rope_factors_")) return true;
  if (!gguf_name.starts_with(kLayer)) return false;
  std::int64_t layer = 0;
  const auto parsed =
      std::from_chars(gguf_name.data() + kLayer.size(),
                      gguf_name.data() + gguf_name.size(), layer);
  return parsed.ec == std::errc{} && layer >= layers;
}

// Sets what GGUF's converter has done to the values of each tensor.
template <typename Entry>
void mark_edit(Entry& entry, GgufEdit edit, const JsonConfig& config) {
  const std::string_view name = entry.name;
  const auto has = [&](std::string_view part) {
    return name.find(part) != name.npos;
  };
  switch (edit) {
    case GgufEdit::kNone:
      return;
    case GgufEdit::kRopeAndDecay:
      return mark_edit(entry,
                       has(".self_attn.") ? GgufEdit::kInterleavedRope
                                          : GgufEdit::kStateDecay,
                       config);
    case GgufEdit::kInterleavedRope:
      if (has(".q_proj.")) {
        entry.heads = config.require_int("num_attention_heads");
      } else if (has(".k_proj.")) {
        entry.heads = config.require_int("num_key_value_heads");
      } else {
        return;
      }
      break;
    case GgufEdit::kJoinedHeads:
      if (!has(".query_key_value.")) return;
      entry.heads = config.require_int("num_attention_heads");
      entry.kv_heads = config.require_int("num_key_value_heads");
      break;
    case GgufEdit::kNormsLessOne:
      if (!name.ends_with("norm.weight")) return;
      break;
    case GgufEdit::kStateDecay:
      if (!name.ends_with(".A_log")) return;
      break;
  }
  entry.edit = edit;
}

// `config` with a head of its own.
JsonConfig without_ties(const JsonConfig& config) {
  constexpr const char* kField = "tie_word_embeddings";
  nlohmann::json json = nlohmann::json::parse(config.to_json());
  json[kField] = false;
  if (json.contains("text_config") && json["text_config"].contains(kField)) {
    json["text_config"][kField] = false;
  }
  return JsonConfig::parse(json.dump(), config.origin());
}

void undo_edit(GgufEdit edit, std::vector<float>& values) {
  if (edit == GgufEdit::kNormsLessOne) {
    for (float& value : values) value -= 1.0f;
  } else if (edit == GgufEdit::kStateDecay) {
    for (float& value : values) value = std::log(-value);
  }
}

// `adapter`, which says of square matrices in stacks, too, whether they have
// the inputs first: the matrices beside them tell.
template <typename State>
std::shared_ptr<const AdapterFile> with_orders_of_stacks(
    State& state, const std::shared_ptr<const AdapterFile>& adapter) {
  std::vector<LowRankChange> changes = adapter->changes();
  for (LowRankChange& change : changes) {
    const std::size_t end = change.module.rfind('.') + 1;
    const auto* gates =
        state.find(change.module.substr(0, end) + "gate_up_proj");
    const auto* down = state.find(change.module.substr(0, end) + "down_proj");
    if (gates == nullptr || down == nullptr) continue;
    const auto& wide = gates->tensor->shape;
    const auto& last = down->tensor->shape;
    if (wide.size() != 3 || last.size() != 3) continue;
    change.inputs_first = wide[1] == last[2] && wide[2] == 2 * last[1];
  }
  return std::make_shared<const AdapterFile>(
      adapter->with_changes(std::move(changes)));
}

}  // namespace

void WeightSource::throw_unknown_target(const AdapterFile& adapter,
                                        const std::string& name) const {
  std::vector<std::string> known;
  for (const State::Entry& entry : state_->entries) {
    const auto end = entry.name.rfind(".weight");
    if (end != entry.name.npos) known.push_back(entry.name.substr(0, end));
  }
  throw_unknown_module(adapter, name, known);
}

WeightSource::WeightSource(std::shared_ptr<State> state)
    : state_(std::move(state)) {}

WeightSource WeightSource::open(const ModelFiles& files) {
  std::vector<std::pair<std::string, const StoredTensor*>> names;
  if (!files.gguf) {
    auto state =
        std::make_shared<State>(TensorArchive::open_folder(files.location));
    if (files.config) state->config = load_model_config(*files.config);
    state->quantization = QuantizationConfig(state->config);
    const bool is_packed =
        state->quantization.packed().method != PackedMethod::kNone;
    for (const std::string& name : state->archive.names()) {
      if (is_packed && is_of_activations(name)) continue;
      names.emplace_back(published_name(name), state->archive.find(name));
    }
    state->index(std::move(names));
    for (State::Entry& entry : state->entries) {
      entry.own_name = entry.tensor->name;
    }
    return WeightSource(std::move(state));
  }
  const GgufFile gguf = GgufFile::open(*files.gguf);
  auto state = std::make_shared<State>(TensorArchive(gguf));
  state->is_gguf = true;
  state->config = config_from_gguf(gguf);
  const GgufArchitecture& architecture =
      *find_gguf_architecture(*gguf.find_string("general.architecture"));
  const std::int64_t layers =
      state->config.find_int("num_hidden_layers").value_or(0);
  for (const std::string& name : state->archive.names()) {
    if (is_no_weight(name, layers)) continue;
    names.emplace_back(hugging_face_name(architecture, name).value_or(name),
                       state->archive.find(name));
  }
  state->index(std::move(names));
  for (State::Entry& entry : state->entries) {
    mark_edit(entry, architecture.edit, state->config);
  }
  return WeightSource(std::move(state));
}

WeightSource WeightSource::imagined(JsonConfig config) {
  auto state = std::make_shared<State>(TensorArchive::empty());
  state->imagined.emplace(config);
  state->config = std::move(config);
  return WeightSource(std::move(state));
}

bool WeightSource::is_imagined() const noexcept {
  return state_->imagined.has_value();
}

WeightMatrix WeightSource::imagine_matrix(const std::string& module,
                                          std::int64_t rows,
                                          std::int64_t columns) const {
  return state_->imagined->matrix(module, rows, columns);
}

void WeightSource::imagine_vector(const std::string& name,
                                  std::int64_t size) const {
  state_->imagined->add_vector(name, size);
}

WeightSource WeightSource::fused(
    std::shared_ptr<const AdapterFile> adapter) const {
  if (const auto table = tied_table()) {
    const std::string head = head_beside(*table);
    if (adapter->unties(head)) {
      return untied(*table, head, *adapter).fused(std::move(adapter));
    }
  }
  adapter = fitted_to_experts(
      std::move(adapter), [this](auto module) { return experts_in(module); });
  adapter = with_orders_of_stacks(*state_, adapter);
  auto state = std::make_shared<State>(state_->archive);
  state->config = state_->config;
  state->quantization = state_->quantization;
  state->is_gguf = state_->is_gguf;
  state->untied_table = state_->untied_table;
  state->base = state_;
  const auto& replaced = adapter->replacements();
  std::vector<std::pair<std::string, const StoredTensor*>> names;
  for (const State::Entry& entry : state_->entries) {
    const std::size_t dot = entry.name.rfind('.');
    const std::string_view part = std::string_view(entry.name).substr(dot + 1);
    const bool is_quantised_part =
        (part == "scales" || part == "biases") &&
        replaced.contains(entry.name.substr(0, dot) + ".weight");
    if (is_quantised_part || replaced.contains(entry.name)) continue;
    names.emplace_back(entry.name, entry.tensor);
  }
  for (const auto& [name, replacement] : replaced) {
    if (state_->find(name) == nullptr) throw_unknown_target(*adapter, name);
    names.emplace_back(name, &replacement.tensor);
  }
  state->index(std::move(names));
  for (State::Entry& entry : state->entries) {
    if (replaced.contains(entry.name)) continue;
    const State::Entry* base = state_->find(entry.name);
    entry.own_name = base->own_name;
    entry.edit = base->edit;
    entry.heads = base->heads;
    entry.kv_heads = base->kv_heads;
  }
  for (const LowRankChange& change : adapter->changes()) {
    if (!has_matrix(change.module) ||
        (!change.bias.empty() && !has_vector(change.module + ".bias"))) {
      throw_unknown_target(
          *adapter, change.module + (change.bias.empty() ? "" : ".bias"));
    }
  }
  state->adapter = std::move(adapter);
  return WeightSource(std::move(state));
}

// Of a module: 0 if there is none, 1 in a layer.
std::int64_t WeightSource::experts_in(std::string_view module) const {
  const std::string name(module);
  for (const char* ending : {".weight", "_blocks", ""}) {
    const State::Entry* entry = state_->find(name + ending);
    if (entry == nullptr) continue;
    const auto& shape = entry->tensor->shape;
    return shape.size() > 2 ? shape.front() : 1;
  }
  return has_matrix(module) ? 1 : 0;
}

// The table that also makes the logits; nothing if there is none.
std::optional<std::string> WeightSource::tied_table() const {
  constexpr std::string_view kWeight = ".weight";
  std::string table;
  for (const State::Entry& entry : state_->entries) {
    if (!entry.name.ends_with(kWeight)) continue;
    const std::string module =
        entry.name.substr(0, entry.name.size() - kWeight.size());
    if (names_a_table(module) && table.empty()) table = module;
  }
  if (table.empty()) return std::nullopt;
  const auto said = state_->config.find_bool("tie_word_embeddings");
  if (said) return *said ? std::optional(table) : std::nullopt;
  if (has_matrix(head_beside(table))) return std::nullopt;
  // A model without any head: "BertModel".
  const auto classes = state_->config.find_strings("architectures");
  const bool is_headless =
      !classes || classes->empty() || classes->front().ends_with("Model");
  return is_headless ? std::nullopt : std::optional(table);
}

// The same weights, where `head` has those of `table` for its own.
WeightSource WeightSource::untied(const std::string& table,
                                  const std::string& head,
                                  const AdapterFile& adapter) const {
  auto state = std::make_shared<State>(state_->archive);
  state->config = without_ties(state_->config);
  state->quantization = state_->quantization;
  state->is_gguf = state_->is_gguf;
  state->untied_table = table;
  state->base = state_;
  const auto replacement = adapter.replacements().find(table + ".weight");
  const bool is_replaced = replacement != adapter.replacements().end() &&
                           replacement->second.reaches_tied_head;
  std::vector<std::pair<std::string, const StoredTensor*>> names;
  std::map<std::string, std::string> sources;
  const auto add = [&](std::string name, const State::Entry& entry) {
    sources.emplace(name, entry.name);
    names.emplace_back(std::move(name), entry.tensor);
  };
  for (const State::Entry& entry : state_->entries) {
    if (entry.name.starts_with(head + ".")) continue;
    add(entry.name, entry);
    if (!entry.name.starts_with(table + ".")) continue;
    const std::string part = entry.name.substr(table.size());
    if (is_replaced && part == ".weight") {
      names.emplace_back(head + part, &replacement->second.tensor);
    } else if (!is_replaced) {
      add(head + part, entry);
    }
  }
  state->index(std::move(names));
  for (State::Entry& entry : state->entries) {
    const auto source = sources.find(entry.name);
    if (source == sources.end()) continue;
    const State::Entry* base = state_->find(source->second);
    entry.own_name = base->own_name;
    entry.edit = base->edit;
    entry.heads = base->heads;
    entry.kv_heads = base->kv_heads;
  }
  return WeightSource(std::move(state));
}

WeightSource WeightSource::renamed(
    const std::function<std::string(std::string_view)>& rename) const {
  auto state = std::make_shared<State>(state_->archive);
  state->config = state_->config;
  state->quantization = state_->quantization;
  state->is_gguf = state_->is_gguf;
  state->adapter = state_->adapter;
  state->base = state_;
  if (!state_->untied_table.empty()) {
    const std::string weight = rename(state_->untied_table + ".weight");
    state->untied_table = weight.substr(0, weight.rfind('.'));
  }
  std::vector<std::pair<std::string, const StoredTensor*>> names;
  for (const auto& entry : state_->entries) {
    names.emplace_back(rename(entry.name), entry.tensor);
  }
  state->index(std::move(names));
  for (const auto& entry : state_->entries) {
    State::Entry& same = *state->find(rename(entry.name));
    same.own_name = entry.own_name;
    same.edit = entry.edit;
    same.heads = entry.heads;
    same.kv_heads = entry.kv_heads;
  }
  return WeightSource(std::move(state));
}

const JsonConfig& WeightSource::config() const noexcept {
  return state_->config;
}

const std::filesystem::path& WeightSource::path() const noexcept {
  return state_->archive.path();
}

bool WeightSource::is_gguf() const noexcept { return state_->is_gguf; }

const StoredTensor* WeightSource::find_tensor(std::string_view name) const {
  const State::Entry* entry = state_->read(name);
  return entry == nullptr ? nullptr : entry->tensor;
}

const StoredTensor& WeightSource::tensor(std::string_view name) const {
  return *state_->require(name).tensor;
}

bool WeightSource::has_matrix(std::string_view module) const {
  if (is_imagined()) return state_->imagined->find(module) != nullptr;
  const std::string name(module);
  return state_->find(name + ".weight") != nullptr ||
         state_->find(name + "_blocks") != nullptr ||
         state_->find(name + ".k_b.weight") != nullptr ||
         state_->find(name + ".qweight") != nullptr ||
         state_->find(name + ".weight_packed") != nullptr ||
         state_->find(name) != nullptr;
}

WeightMatrix WeightSource::matrix(std::string_view module) const {
  WeightMatrix base = stored_matrix(module);
  if (state_->adapter == nullptr) return base;
  const LowRankChange* change = state_->adapter->find(module);
  const bool is_head = !state_->untied_table.empty() &&
                       module == head_beside(state_->untied_table);
  if (change == nullptr && is_head) {
    change = state_->adapter->find(state_->untied_table);
    if (change != nullptr && !change->reaches_tied_head) return base;
  }
  return change ? adapted_matrix(base, *change, *state_->adapter) : base;
}

WeightMatrix WeightSource::stored_matrix(std::string_view module) const {
  if (is_imagined()) {
    if (const WeightMatrix* matrix = state_->imagined->find(module)) {
      return *matrix;
    }
  }
  const std::string name(module);
  if (state_->find(name + "_blocks") != nullptr) {
    return WeightMatrix::mxfp4(tensor(name + "_blocks"),
                               tensor(name + "_scales"));
  }
  const TensorLookup lookup = [this](const std::string& each) {
    return find_tensor(each);
  };
  if (auto packed = read_packed(state_->quantization, name, lookup)) {
    return *packed;
  }
  if (state_->find(name + ".k_b.weight") != nullptr) {
    return join_latent(matrix(name + ".k_b"), matrix(name + ".v_b"));
  }
  const bool is_bare = state_->find(name + ".weight") == nullptr &&
                       state_->find(name) != nullptr;
  const State::Entry& entry =
      state_->require(is_bare ? name : name + ".weight");
  const StoredTensor* scales =
      is_bare ? nullptr : find_tensor(name + ".scales");
  if (scales == nullptr) {
    WeightMatrix plain = WeightMatrix::plain(*entry.tensor);
    if (entry.heads == 0) return plain;
    return plain.permute_rows(state_->row_order(entry, plain.rows()));
  }
  // Rules go by the names of the checkpoint.
  const std::string_view own_name = entry.own_name;
  const QuantizationRule rule = state_->quantization.rule(
      own_name.substr(0, own_name.size() - std::string_view(".weight").size()));
  if (rule.mode == QuantizationMode::kMxfp8) {
    return read_mxfp8(*entry.tensor, *scales);
  }
  if (rule.mode == QuantizationMode::kNvfp4) {
    return read_nvfp4(*entry.tensor, *scales);
  }
  // The scales of MXFP4 are bytes, those of affine codes never.
  if (scales->type == StorageType::kU8 ||
      rule.mode == QuantizationMode::kMxfp4) {
    return WeightMatrix::mxfp4(*entry.tensor, *scales);
  }
  const AffineLayout layout = infer_affine_layout(rule, *entry.tensor, *scales);
  return WeightMatrix::mlx_affine(
      *entry.tensor, *scales, tensor(name + ".biases"),
      {.group_size = layout.group_size, .bits = layout.bits});
}

bool WeightSource::has_vector(std::string_view name) const {
  return state_->find(name) != nullptr;
}

std::vector<float> WeightSource::vector(std::string_view name) const {
  const State::Entry& entry = state_->require(name);
  const StoredTensor& tensor = *entry.tensor;
  const StorageTraits& traits = storage_traits(tensor.type);
  if (!traits.readable || traits.block_elements != 1) {
    throw ModelLoadingError(fmt::format(
        "[weights] {}: expected floating-point numbers", tensor.describe()));
  }
  std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
  widen_elements(tensor.type, tensor.bytes.data(), values.size(),
                 values.data());
  undo_edit(entry.edit, values);
  add_change(name, values);
  if (entry.heads == 0) return values;
  std::vector<float> ordered;
  ordered.reserve(values.size());
  for (const std::int32_t row :
       state_->row_order(entry, static_cast<std::int64_t>(values.size()))) {
    ordered.push_back(values[static_cast<std::size_t>(row)]);
  }
  return ordered;
}

void WeightSource::add_change(std::string_view name,
                              std::vector<float>& values) const {
  constexpr std::string_view kBias = ".bias";
  constexpr std::string_view kWeight = ".weight";
  if (state_->adapter == nullptr) return;
  if (name.ends_with(kWeight)) {
    name.remove_suffix(kWeight.size());
    if (state_->adapter->find(name) == nullptr) return;
    throw UnsupportedFeatureError(
        fmt::format("[adapter] {}: '{}' is no layer of the model that an "
                    "adapter could change",
                    state_->adapter->path().string(), name),
        "Leave norms and convolutions out of the adapter.");
  }
  if (!name.ends_with(kBias)) return;
  name.remove_suffix(kBias.size());
  const LowRankChange* change = state_->adapter->find(name);
  if (change == nullptr || change->bias.empty()) return;
  if (change->bias.size() != values.size()) {
    throw_misfit(*state_->adapter, *change,
                 static_cast<std::int64_t>(values.size()), change->inputs);
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += change->bias[i];
}

std::optional<std::vector<float>> WeightSource::find_vector(
    std::string_view name) const {
  if (!has_vector(name)) return std::nullopt;
  return vector(name);
}

std::vector<std::string> WeightSource::names() const {
  if (is_imagined()) return state_->imagined->names();
  std::vector<std::string> names;
  for (const auto& entry : state_->entries) names.push_back(entry.name);
  return names;
}

std::vector<std::string> WeightSource::unread_names() const {
  std::vector<std::string> names;
  for (const auto& entry : state_->entries) {
    if (!entry.is_read) names.push_back(entry.name);
  }
  return names;
}

std::uint64_t WeightSource::total_bytes() const noexcept {
  return is_imagined() ? state_->imagined->total_bytes()
                       : state_->archive.total_bytes();
}

}  // namespace abstractllm::io
