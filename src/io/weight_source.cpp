// Names, row order and quantisation resolved over a TensorArchive.
// SPDX-License-Identifier: Apache-2.0
#include "io/weight_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "io/block_decoders.h"
#include "io/gguf.h"
#include "io/gguf_config.h"
#include "io/gguf_names.h"
#include "io/quantization_config.h"
#include "io/tensor_archive.h"

namespace abstractllm::io {
namespace {

constexpr std::size_t kSuggestions = 3;

}  // namespace

struct WeightSource::State {
  struct Entry {
    std::string name;
    const StoredTensor* tensor = nullptr;
    std::int64_t interleaved_heads = 0;  // 0: rows in their original order
    std::atomic<bool> is_read = false;
  };

  explicit State(TensorArchive tensors) : archive(std::move(tensors)) {}

  TensorArchive archive;
  JsonConfig config;
  QuantizationConfig quantization;
  bool is_gguf = false;
  std::vector<Entry> entries;  // sorted by name
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
    if (rows % (2 * entry.interleaved_heads) != 0) {
      throw ModelLoadingError(fmt::format("[weights] {}: {} rows for {} heads",
                                          entry.tensor->describe(), rows,
                                          entry.interleaved_heads));
    }
    return deinterleaved_rows(rows, entry.interleaved_heads);
  }
};

namespace {

// Sets the heads of q and k, whose halves GGUF's converter has interleaved.
template <typename Entries>
void mark_interleaved(Entries& entries, const JsonConfig& config) {
  const std::int64_t heads = config.require_int("num_attention_heads");
  const std::int64_t kv_heads = config.require_int("num_key_value_heads");
  for (auto& entry : entries) {
    const std::string_view name = entry.name;
    if (name.find(".self_attn.q_proj.") != name.npos) {
      entry.interleaved_heads = heads;
    } else if (name.find(".self_attn.k_proj.") != name.npos) {
      entry.interleaved_heads = kv_heads;
    }
  }
}

}  // namespace

WeightSource::WeightSource(std::shared_ptr<State> state)
    : state_(std::move(state)) {}

WeightSource WeightSource::open(const ModelFiles& files) {
  std::vector<std::pair<std::string, const StoredTensor*>> names;
  if (!files.gguf) {
    auto state =
        std::make_shared<State>(TensorArchive::open_folder(files.location));
    if (files.config) state->config = JsonConfig::load(*files.config);
    state->quantization = QuantizationConfig(state->config);
    for (const std::string& name : state->archive.names()) {
      names.emplace_back(name, state->archive.find(name));
    }
    state->index(std::move(names));
    return WeightSource(std::move(state));
  }
  const GgufFile gguf = GgufFile::open(*files.gguf);
  auto state = std::make_shared<State>(TensorArchive(gguf));
  state->is_gguf = true;
  state->config = config_from_gguf(gguf);
  const GgufArchitecture& architecture =
      *find_gguf_architecture(*gguf.find_string("general.architecture"));
  for (const std::string& name : state->archive.names()) {
    names.emplace_back(hugging_face_name(architecture, name).value_or(name),
                       state->archive.find(name));
  }
  state->index(std::move(names));
  if (architecture.interleaved_rope) {
    mark_interleaved(state->entries, state->config);
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
  const std::string name(module);
  return state_->find(name + ".weight") != nullptr ||
         state_->find(name + "_blocks") != nullptr ||
         state_->find(name) != nullptr;
}

WeightMatrix WeightSource::matrix(std::string_view module) const {
  const std::string name(module);
  if (state_->find(name + "_blocks") != nullptr) {
    return WeightMatrix::mxfp4(tensor(name + "_blocks"),
                               tensor(name + "_scales"));
  }
  const bool is_bare = state_->find(name + ".weight") == nullptr &&
                       state_->find(name) != nullptr;
  const State::Entry& entry =
      state_->require(is_bare ? name : name + ".weight");
  const StoredTensor* scales =
      is_bare ? nullptr : find_tensor(name + ".scales");
  if (scales == nullptr) {
    WeightMatrix plain = WeightMatrix::plain(*entry.tensor);
    if (entry.interleaved_heads == 0) return plain;
    return plain.permute_rows(state_->row_order(entry, plain.rows()));
  }
  const QuantizationRule rule = state_->quantization.rule(name);
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
  if (entry.interleaved_heads == 0) return values;
  std::vector<float> ordered;
  ordered.reserve(values.size());
  for (const std::int32_t row :
       state_->row_order(entry, static_cast<std::int64_t>(values.size()))) {
    ordered.push_back(values[static_cast<std::size_t>(row)]);
  }
  return ordered;
}

std::optional<std::vector<float>> WeightSource::find_vector(
    std::string_view name) const {
  if (!has_vector(name)) return std::nullopt;
  return vector(name);
}

std::vector<std::string> WeightSource::names() const {
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
  return state_->archive.total_bytes();
}

}  // namespace abstractllm::io
