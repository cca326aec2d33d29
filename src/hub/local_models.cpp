// Walks the models folder and the Hugging Face cache.
// SPDX-License-Identifier: Apache-2.0
#include "hub/local_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

// Entries of one folder that are looked at; more is not a folder of models.
constexpr int kMaxEntries = 10'000;
constexpr std::size_t kSuggestions = 5;

struct Alias {
  std::string_view name;  // lower case
  std::string_view id;
};

// Names that the default model is asked for by.
constexpr Alias kAliases[] = {
    {"smollm2-135m", "smollm2"},
    {"smollm2-135m-instruct", "smollm2"},
    {"huggingfacetb/smollm2-135m-instruct", "smollm2"},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool path_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool has_ending(const fs::path& path, std::string_view ending) {
  return lower(path.filename().string()).ends_with(ending);
}

bool is_gguf_file(const fs::path& path) {
  return has_ending(path, ".gguf") && is_file(path);
}

// Not the second part or a later one of a split file.
bool is_first_part(const fs::path& path) {
  const std::string name = path.filename().string();
  const auto of = name.rfind("-of-");
  return of == name.npos || of < 6 || name[of - 6] != '-' ||
         name.substr(of - 5, 5) == "00001" ||
         name.find_first_not_of("0123456789", of - 5) != of;
}

/// Entries that are not hidden, sorted; none if the folder cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end;
       !error && entry != end && entries.size() < kMaxEntries;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) {
      entries.push_back(entry->path());
    }
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::uint64_t bytes_of(const std::vector<fs::path>& files) {
  std::uint64_t bytes = 0;
  for (const fs::path& file : files) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (!error) bytes += size;
  }
  return bytes;
}

/// What a folder holds: one safetensors model, or GGUF models.
struct FolderModels {
  std::vector<fs::path> safetensors;
  std::vector<fs::path> ggufs;       // first parts
  std::vector<fs::path> gguf_files;  // all parts

  explicit FolderModels(const fs::path& folder) {
    if (!is_folder(folder)) return;
    const bool has_config = is_file(folder / "config.json");
    for (const fs::path& entry : entries_of(folder)) {
      if (has_config && has_ending(entry, ".safetensors") && is_file(entry)) {
        safetensors.push_back(entry);
      } else if (is_gguf_file(entry) && !has_ending(entry, "mmproj.gguf") &&
                 !entry.filename().string().starts_with("mmproj")) {
        gguf_files.push_back(entry);
        if (is_first_part(entry)) ggufs.push_back(entry);
      }
    }
  }

  bool empty() const { return safetensors.empty() && ggufs.empty(); }
};

bool is_model(const fs::path& path) {
  return is_gguf_file(path) || !FolderModels(path).empty();
}

bool is_written_as_path(std::string_view id) {
  return id.starts_with('/') || id.starts_with("./") || id.starts_with("../") ||
         id == "." || id == "..";
}

// An id is NAME or more parts: none that would lead out of the folder.
bool is_safe_id(std::string_view id) {
  if (id.empty() || id.find('\0') != id.npos || id.front() == '/') {
    return false;
  }
  for (const fs::path& part : fs::path(id)) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

std::string without_alias(std::string_view id) {
  const std::string name = lower(id);
  for (const Alias& alias : kAliases) {
    if (alias.name == name) return std::string(alias.id);
  }
  return std::string(id);
}

std::optional<fs::path> find_in_models(const fs::path& models,
                                       const std::string& id) {
  if (models.empty() || !is_safe_id(id)) return std::nullopt;
  for (const fs::path& path : {models / id, models / (id + ".gguf")}) {
    if (is_model(path)) return path;
  }
  return std::nullopt;
}

/// The snapshot that refs/main names, else the only one there is.
std::optional<fs::path> snapshot_of(const fs::path& repository) {
  std::ifstream stream(repository / "refs" / "main");
  std::string revision;
  stream >> revision;
  if (is_safe_id(revision) && revision.find('/') == revision.npos) {
    const fs::path snapshot = repository / "snapshots" / revision;
    if (is_model(snapshot)) return snapshot;
  }
  const auto snapshots = entries_of(repository / "snapshots");
  if (snapshots.size() == 1 && is_model(snapshots.front())) {
    return snapshots.front();
  }
  return std::nullopt;
}

std::optional<fs::path> find_in_cache(const fs::path& cache,
                                      const std::string& id) {
  if (cache.empty() || !is_safe_id(id)) return std::nullopt;
  std::string name = "models";
  for (const fs::path& part : fs::path(id)) name += "--" + part.string();
  return snapshot_of(cache / name);
}

using ModelsById = std::map<std::string, LocalModel>;

void add(ModelsById& models, const std::string& id, const fs::path& path,
         const char* format, std::uint64_t bytes) {
  models.emplace(id, LocalModel{id, path.string(), format, bytes});
}

void add_folder(ModelsById& models, const std::string& id,
                const fs::path& folder) {
  const FolderModels found(folder);
  if (!found.safetensors.empty()) {
    add(models, id, folder, "safetensors", bytes_of(found.safetensors));
  } else if (found.ggufs.size() == 1) {
    add(models, id, folder, "gguf", bytes_of(found.gguf_files));
  } else {
    for (const fs::path& file : found.ggufs) {
      add(models, id + "/" + file.filename().string(), file, "gguf",
          bytes_of({file}));
    }
  }
}

void list_models_folder(ModelsById& models, const fs::path& root) {
  for (const fs::path& entry : entries_of(root)) {
    const std::string name = entry.filename().string();
    if (is_gguf_file(entry)) {
      if (is_first_part(entry)) {
        add(models, name, entry, "gguf", bytes_of({entry}));
      }
      continue;
    }
    if (!is_folder(entry)) continue;
    if (!FolderModels(entry).empty()) {
      add_folder(models, name, entry);
      continue;
    }
    for (const fs::path& inner : entries_of(entry)) {
      add_folder(models, name + "/" + inner.filename().string(), inner);
    }
  }
}

void list_cache(ModelsById& models, const fs::path& cache) {
  constexpr std::string_view kPrefix = "models--";
  for (const fs::path& entry : entries_of(cache)) {
    std::string id = entry.filename().string();
    if (!id.starts_with(kPrefix)) continue;
    id.erase(0, kPrefix.size());
    if (const auto dashes = id.find("--"); dashes != id.npos) {
      id.replace(dashes, 2, "/");
    }
    if (const auto snapshot = snapshot_of(entry)) {
      add_folder(models, id, *snapshot);
    }
  }
}

std::string value_of(const ModelLocations::Environment& environment,
                     const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ModelLocations ModelLocations::from_environment() {
  return from_environment([](const char* name) { return std::getenv(name); });
}

ModelLocations ModelLocations::from_environment(
    const Environment& environment) {
  fs::path cache = value_of(environment, "XDG_CACHE_HOME");
  if (cache.empty()) {
    const std::string home = value_of(environment, "HOME");
    if (!home.empty()) cache = fs::path(home) / ".cache";
  }
  ModelLocations locations;
  locations.models = value_of(environment, "ABSTRACTLLM_MODELS_DIR");
  if (locations.models.empty() && !cache.empty()) {
    locations.models = cache / "abstractllm" / "models";
  }
  locations.hugging_face = value_of(environment, "HF_HUB_CACHE");
  if (!locations.hugging_face.empty()) return locations;
  fs::path hub_home = value_of(environment, "HF_HOME");
  if (hub_home.empty() && !cache.empty()) hub_home = cache / "huggingface";
  if (!hub_home.empty()) locations.hugging_face = hub_home / "hub";
  return locations;
}

std::optional<fs::path> LocalModels::find(std::string_view id) const {
  if (id.empty() || id.find('\0') != id.npos) return std::nullopt;
  const fs::path path(id);
  if (is_written_as_path(id)) {
    return path_exists(path) ? std::optional(path) : std::nullopt;
  }
  if (is_model(path)) return path;
  const std::string name(id);
  const std::string known = without_alias(id);
  for (const std::string& candidate : {name, known}) {
    if (auto found = find_in_models(locations_.models, candidate)) {
      return found;
    }
  }
  return find_in_cache(locations_.hugging_face, name);
}

fs::path LocalModels::resolve(std::string_view id) const {
  if (auto found = find(id)) return *found;
  if (is_written_as_path(id)) {
    throw ModelNotFoundError(
        fmt::format("[model] {}: no such file or folder", id));
  }
  std::vector<std::string> looked = {"the path itself"};
  for (const fs::path& folder : {locations_.models, locations_.hugging_face}) {
    if (!folder.empty()) looked.push_back(folder.string());
  }
  std::vector<std::string> known;
  for (const LocalModel& model : list()) known.push_back(model.id);
  const auto nearest = base::nearest_names(id, known, kSuggestions);
  const std::string have =
      nearest.empty()
          ? "There are no local models."
          : fmt::format("Local models: {}{}.", fmt::join(nearest, ", "),
                        known.size() > nearest.size() ? ", ..." : "");
  throw ModelNotFoundError(
      fmt::format("[model] no model '{}'; looked at {}", id,
                  fmt::join(looked, ", ")),
      fmt::format("{} Name a folder or a .gguf file, or put the model into {}.",
                  have,
                  locations_.models.empty()
                      ? "the folder that ABSTRACTLLM_MODELS_DIR names"
                      : (locations_.models / "NAME").string()));
}

std::vector<LocalModel> LocalModels::list() const {
  ModelsById models;
  if (!locations_.models.empty()) {
    list_models_folder(models, locations_.models);
  }
  if (!locations_.hugging_face.empty()) {
    list_cache(models, locations_.hugging_face);
  }
  std::vector<LocalModel> sorted;
  for (auto& [id, model] : models) sorted.push_back(std::move(model));
  return sorted;
}

}  // namespace abstractllm::hub
