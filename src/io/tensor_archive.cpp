// Which files of a folder hold the weights, and the look-up over them.
// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_archive.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "io/json_text.h"
#include "io/safetensors.h"

namespace abstractllm::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexNames[] = {
    "model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors.index.json",
};

// In order of preference.
constexpr const char* kSingleNames[] = {
    "model.safetensors",    "consolidated.safetensors",  "weights.safetensors",
    "adapters.safetensors", "adapter_model.safetensors",
};

// An index of the largest models names some 200,000 tensors.
constexpr std::size_t kMaxIndexBytes = 64u << 20;
constexpr std::size_t kMaxShards = 100'000;
constexpr std::size_t kSuggestions = 3;
constexpr std::size_t kListedFiles = 8;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Whether `name` is that of a safetensors file, or of an index of them, of
// which a folder has one: "model.fp16.safetensors",
// "model.safetensors.index.fp16.json".
bool is_weight_name(const std::string& name) {
  return name.ends_with(".safetensors") && !name.starts_with('.');
}
bool is_index_name(const std::string& name) {
  return name.find(".safetensors.index.") != name.npos &&
         name.ends_with(".json") && !name.starts_with('.');
}

struct FolderWeights {
  std::vector<std::string> indexes;
  std::vector<std::string> files;

  // Files whose names end as these; sorted.
  explicit FolderWeights(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (!is_file(entry->path())) continue;
      if (is_weight_name(name)) files.push_back(name);
      if (is_index_name(name)) indexes.push_back(name);
    }
    std::sort(files.begin(), files.end());
    std::sort(indexes.begin(), indexes.end());
  }

  // The only index, the only file of a model's name, or the only file; empty
  // where it takes a choice.
  std::string only() const {
    if (indexes.size() == 1) return indexes.front();
    std::vector<std::string> models;
    std::copy_if(files.begin(), files.end(), std::back_inserter(models),
                 [](const auto& name) { return name.starts_with("model"); });
    if (models.size() == 1) return models.front();
    return files.size() == 1 ? files.front() : std::string();
  }
};

[[noreturn]] void refuse_folder(const fs::path& folder,
                                const FolderWeights& weights) {
  if (!weights.files.empty()) {
    throw ModelLoadingError(
        fmt::format("[weights] {}: no index says which of these are the "
                    "model's: {}{}",
                    folder.string(),
                    fmt::join(weights.files.begin(),
                              weights.files.begin() +
                                  std::ptrdiff_t(std::min(weights.files.size(),
                                                          kListedFiles)),
                              ", "),
                    weights.files.size() > kListedFiles ? ", ..." : ""),
        "Give one the name model.safetensors.");
  }
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with("pytorch_model") && !name.ends_with(".pth")) continue;
    throw ModelLoadingError(
        fmt::format("[weights] {}: '{}' is in PyTorch's own format, which is "
                    "not read",
                    folder.string(), name),
        "Save the model as safetensors: save_pretrained(FOLDER) in "
        "transformers.");
  }
  throw ModelLoadingError(
      fmt::format("[weights] {}: found none of {}, {}", folder.string(),
                  fmt::join(kIndexNames, ", "), fmt::join(kSingleNames, ", ")),
      "Weights must be in safetensors or GGUF format.");
}

// A shard lies in the folder itself: an index from elsewhere must not make us
// open other files.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\\') == name.npos &&
         name.find('\0') == name.npos;
}

// "'a'", "'a' and 1 more tensor", "'a' and 2 more tensors".
std::string some_of(const std::vector<std::string>& tensors) {
  const std::string first = "'" + tensors.front() + "'";
  if (tensors.size() == 1) return first;
  return fmt::format("{} and {} more tensor{}", first, tensors.size() - 1,
                     tensors.size() > 2 ? "s" : "");
}

}  // namespace

TensorArchive TensorArchive::open_folder(const fs::path& folder) {
  TensorArchive archive(folder);
  for (const char* name : kIndexNames) {
    if (is_file(folder / name)) {
      archive.read_index(folder / name);
      return archive;
    }
  }
  for (const char* name : kSingleNames) {
    if (is_file(folder / name)) {
      archive.add_file(folder / name);
      return archive;
    }
  }
  const FolderWeights weights(folder);
  const std::string only = weights.only();
  if (only.empty()) refuse_folder(folder, weights);
  if (is_index_name(only)) {
    archive.read_index(folder / only);
  } else {
    archive.add_file(folder / only);
  }
  return archive;
}

TensorArchive TensorArchive::open_safetensors(const fs::path& file) {
  TensorArchive archive(file);
  archive.add_file(file);
  return archive;
}

TensorArchive TensorArchive::open_gguf(const fs::path& file) {
  return TensorArchive(GgufFile::open(file));
}

TensorArchive::TensorArchive(const GgufFile& gguf) : path_(gguf.path()) {
  for (const StoredTensor& tensor : gguf.tensors()) add(tensor);
}

void TensorArchive::read_index(const fs::path& index) {
  const nlohmann::json json =
      parse_json_file(index, {.bytes = kMaxIndexBytes, .depth = 8});
  const auto fail = [&](const std::string& what) {
    throw ModelLoadingError(
        fmt::format("[weights] {}: {}", index.string(), what));
  };
  if (!json.is_object() || !json.contains("weight_map") ||
      !json["weight_map"].is_object()) {
    fail("expected an object with an object 'weight_map'");
  }
  std::map<std::string, std::vector<std::string>> tensors_of_shard;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    if (!shard.is_string() || !is_plain_name(shard.get<std::string>())) {
      fail(
          fmt::format("weight_map '{}': expected the name of a file beside "
                      "the index",
                      tensor));
    }
    tensors_of_shard[shard.get<std::string>()].push_back(tensor);
  }
  if (tensors_of_shard.size() > kMaxShards) {
    fail(fmt::format("{} files, more than {}", tensors_of_shard.size(),
                     kMaxShards));
  }
  for (const auto& [shard, expected] : tensors_of_shard) {
    const fs::path file = index.parent_path() / shard;
    if (!is_file(file)) {
      throw ModelLoadingError(
          fmt::format(
              "[weights] {}: {}, one of {} files, is missing, which {} needs "
              "for {}",
              file.string(), shard, tensors_of_shard.size(),
              index.filename().string(), some_of(expected)),
          "Fetch the file again; allm pull goes on where it was stopped.");
    }
    add_file(file);
    for (const std::string& name : expected) {
      const StoredTensor* found = find(name);
      if (found == nullptr || found->file->path().filename() != shard) {
        fail(
            fmt::format("tensor '{}' is said to be in {}, which has no such "
                        "tensor",
                        name, shard));
      }
    }
  }
}

void TensorArchive::add_file(const fs::path& file) {
  SafetensorsFile content = io::open_safetensors(file);
  for (StoredTensor& tensor : content.tensors) add(std::move(tensor));
  metadata_.merge(content.metadata);
}

void TensorArchive::add(StoredTensor tensor) {
  const auto [at, is_new] = by_name_.emplace(tensor.name, tensors_.size());
  if (!is_new) {
    throw ModelLoadingError(
        fmt::format("[weights] {} is also in {}", tensor.describe(),
                    tensors_[at->second].file->path().string()));
  }
  tensors_.push_back(std::move(tensor));
}

const StoredTensor* TensorArchive::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

const StoredTensor& TensorArchive::at(std::string_view name) const {
  if (const StoredTensor* tensor = find(name)) return *tensor;
  const auto nearest = base::nearest_names(name, names(), kSuggestions);
  throw ModelLoadingError(fmt::format(
      "[weights] {}: no tensor '{}' among {}; nearest: {}", path_.string(),
      name, tensors_.size(),
      nearest.empty() ? "none" : fmt::format("{}", fmt::join(nearest, ", "))));
}

std::vector<std::string> TensorArchive::names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const StoredTensor& tensor : tensors_) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t TensorArchive::total_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const StoredTensor& tensor : tensors_) bytes += tensor.bytes.size();
  return bytes;
}

}  // namespace abstractllm::io
