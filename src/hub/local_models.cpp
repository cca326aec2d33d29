// The places that models lie in, each with its own names for them.
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
#include "base/text.h"
#include "hub/cache_layout.h"
#include "hub/file_selection.h"
#include "hub/model_folder.h"
#include "hub/model_parts.h"
#include "hub/ollama_store.h"
#include "hub/repository_address.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;
using Models = std::vector<LocalModel>;

constexpr std::size_t kSuggestions = 5;
constexpr const char* kOwn = "abstractllm";
constexpr const char* kHub = "huggingface";
constexpr const char* kLmStudio = "lmstudio";
constexpr const char* kOllama = "ollama";

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

bool is_written_as_path(std::string_view id) {
  return id.starts_with('/') || id.starts_with("./") || id.starts_with("../") ||
         id == "." || id == "..";
}

std::string without_alias(std::string_view id) {
  const std::string name = base::lower(id);
  for (const Alias& alias : kAliases) {
    if (alias.name == name) return std::string(alias.id);
  }
  return std::string(id);
}

LocalModel gguf_model(std::string id, const GgufEntry& entry,
                      const char* source) {
  return {std::move(id), entry.path.string(), "gguf", entry.bytes, source, {}};
}

// Behind a revision a path would be part of its name.
std::string file_id(const std::string& id, const std::string& file) {
  return id + (id.find('@') == id.npos ? "/" : ":") + file;
}

// The models of one folder: a single one has the folder's id, several have
// their quantisation or file behind it.
Models models_of(const ModelFolder& folder, const std::string& id,
                 const char* source) {
  if (folder.has_safetensors) {
    return {{id,
             folder.path.string(),
             "safetensors",
             folder.safetensors_bytes,
             source,
             {}}};
  }
  Models models;
  if (folder.ggufs.size() == 1) {
    models.push_back(gguf_model(id, folder.ggufs.front(), source));
    std::error_code ignored;
    // The folder reads as the file in it, unless a config says it is something
    // else.
    const fs::path file = models.back().path;
    if (file.parent_path() == folder.path &&
        !fs::exists(folder.path / "config.json", ignored)) {
      models.back().path = folder.path.string();
    }
    return models;
  }
  std::map<std::string, int> labels;
  for (const GgufEntry& entry : folder.ggufs) {
    ++labels[quantisation_in_name(entry.name)];
  }
  for (const GgufEntry& entry : folder.ggufs) {
    const std::string label = quantisation_in_name(entry.name);
    const bool is_short =
        source != kOwn && !label.empty() && labels[label] == 1;
    models.push_back(gguf_model(
        is_short ? id + ":" + label : file_id(id, entry.name), entry, source));
  }
  return models;
}

Models models_named(const ModelFolder& folder, const std::string& id,
                    std::string_view wanted, const char* source) {
  Models models;
  for (const GgufEntry& entry : folder.find(wanted)) {
    models.push_back(gguf_model(file_id(id, entry.name), entry, source));
  }
  return models;
}

Models find_in_folder(const fs::path& root, const std::string& id,
                      const char* source) {
  if (root.empty() || !is_safe_path(id)) return {};
  for (const fs::path& path : {root / id, root / (id + ".gguf")}) {
    if (is_gguf(path)) {
      return {
          gguf_model(id, {path.filename(), path, gguf_bytes(path)}, source)};
    }
  }
  // What lies directly in the root may be the folder of an organisation.
  ModelFolder folder(root / id);
  if (id.find('/') != id.npos) folder.look_below();
  Models models = models_of(folder, id, source);
  const std::size_t colon = id.rfind(':');
  if (!models.empty() || colon == id.npos) return models;
  const std::string base = id.substr(0, colon);
  return models_named(ModelFolder(root / base), base, id.substr(colon + 1),
                      source);
}

Models find_in_cache(const fs::path& cache, std::string_view id) {
  if (cache.empty()) return {};
  const auto address = find_address(id);
  if (!address) return {};
  const CachedRepository cached(cache, address->id);
  const auto snapshot = cached.find_snapshot(address->revision);
  if (!snapshot) return {};
  ModelFolder folder(*snapshot);
  folder.look_below();
  if (address->files.empty()) {
    return models_of(folder, std::string(id), kHub);
  }
  const bool has_revision = address->revision != "main";
  return models_named(
      folder,
      has_revision ? address->id + "@" + address->revision : address->id,
      address->files, kHub);
}

Models find_in_ollama(const fs::path& store, const std::string& id) {
  Models found;
  for (const OllamaModel& model : list_ollama_models(store)) {
    if (model.id == id || model.id == id + ":latest") {
      found.push_back(
          {model.id, model.path.string(), "gguf", model.bytes, kOllama, {}});
    }
  }
  return found;
}

void append(Models& to, Models from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

// ORG/NAME and NAME folders, and .gguf files. A folder that is a model may
// hold others all the same.
Models list_folder(const fs::path& root, const char* source) {
  Models models;
  for (const fs::path& entry : entries_of(root)) {
    const std::string name = entry.filename().string();
    append(models, models_of(ModelFolder(entry), name, source));
    std::error_code ignored;
    if (!fs::is_directory(entry, ignored)) continue;
    for (const fs::path& inner : entries_of(entry)) {
      ModelFolder of_organisation(inner);
      of_organisation.look_below();
      append(models, models_of(of_organisation,
                               name + "/" + inner.filename().string(), source));
    }
  }
  for (const GgufEntry& file : ModelFolder(root).ggufs) {
    models.push_back(gguf_model(file.name, file, source));
  }
  return models;
}

Models list_cache(const fs::path& cache) {
  Models models;
  for (const fs::path& entry : entries_of(cache)) {
    const auto id = CachedRepository::id_of(entry.filename().string());
    if (!id) continue;
    const CachedRepository cached(cache, *id);
    const auto add = [&](const fs::path& snapshot, const std::string& name) {
      ModelFolder folder(snapshot);
      folder.look_below();
      append(models, models_of(folder, name, kHub));
    };
    if (const auto snapshot = cached.find_snapshot("main")) {
      add(*snapshot, *id);
      continue;
    }
    for (const std::string& commit : cached.commits()) {
      add(cached.snapshot(commit), *id + "@" + cached.revision_of(commit));
    }
  }
  return models;
}

// What was never fetched to its end, and so holds no model yet.
Models list_incomplete(const fs::path& cache) {
  Models models;
  for (const fs::path& entry : entries_of(cache)) {
    const auto id = CachedRepository::id_of(entry.filename().string());
    if (!id) continue;
    LocalModel model{*id, entry.string(), "incomplete", 0, kHub, {}};
    bool is_partial = false;
    for (const fs::path& blob : entries_of(entry / "blobs")) {
      std::error_code error;
      const auto size = fs::file_size(blob, error);
      if (!error) model.bytes += size;
      is_partial = is_partial || blob.extension() == ".incomplete";
    }
    if (is_partial) models.push_back(std::move(model));
  }
  return models;
}

std::string prefix_of(const std::string& source) {
  return source == kHub ? "hf:" : source + ":";
}

}  // namespace

ModelLocations ModelLocations::from_environment() {
  return from_environment([](const char* name) { return std::getenv(name); });
}

ModelLocations ModelLocations::from_environment(
    const Environment& environment) {
  const fs::path home = value_of(environment, "HOME");
  fs::path cache = value_of(environment, "XDG_CACHE_HOME");
  if (cache.empty() && !home.empty()) cache = home / ".cache";
  ModelLocations locations;
  locations.models = value_of(environment, "ABSTRACTLLM_MODELS_DIR");
  if (locations.models.empty() && !cache.empty()) {
    locations.models = cache / "abstractllm" / "models";
  }
  locations.hugging_face = hub_cache(environment);
  if (!home.empty()) {
    std::ifstream pointer(home / ".lmstudio-home-pointer");
    std::string folder;
    if (std::getline(pointer, folder) && !folder.empty()) {
      locations.lm_studio.push_back(fs::path(folder) / "models");
    }
    for (const char* known : {".lmstudio/models", ".cache/lm-studio/models"}) {
      const fs::path path = home / known;
      if (std::find(locations.lm_studio.begin(), locations.lm_studio.end(),
                    path) == locations.lm_studio.end()) {
        locations.lm_studio.push_back(path);
      }
    }
  }
  const fs::path ollama = value_of(environment, "OLLAMA_MODELS");
  if (!ollama.empty()) {
    locations.ollama = {ollama};
  } else if (!home.empty()) {
    locations.ollama = {home / ".ollama/models",
                        "/usr/share/ollama/.ollama/models"};
  }
  return locations;
}

Models LocalModels::candidates(std::string_view id) const {
  if (id.empty() || id.find('\0') != id.npos) return {};
  const std::string name(id);
  const auto in_lm_studio = [&](const std::string& wanted) {
    for (const fs::path& root : locations_.lm_studio) {
      Models found = find_in_folder(root, wanted, kLmStudio);
      if (!found.empty()) return found;
    }
    return Models{};
  };
  const auto in_ollama = [&](const std::string& wanted) {
    for (const fs::path& store : locations_.ollama) {
      Models found = find_in_ollama(store, wanted);
      if (!found.empty()) return found;
    }
    return Models{};
  };
  if (id.starts_with("hf:")) {
    return find_in_cache(locations_.hugging_face, id.substr(3));
  }
  if (id.starts_with("lmstudio:")) return in_lm_studio(name.substr(9));
  if (id.starts_with("ollama:")) return in_ollama(name.substr(7));
  for (const std::string& known : {name, without_alias(id)}) {
    Models found = find_in_folder(locations_.models, known, kOwn);
    if (!found.empty()) return found;
  }
  Models found = find_in_cache(locations_.hugging_face, id);
  if (found.empty()) found = in_lm_studio(name);
  if (found.empty()) found = in_ollama(name);
  if (!found.empty()) return found;
  const std::string last = base::lower(id);
  for (LocalModel& model : enumerate()) {
    const std::string own = base::lower(model.id);
    if (own == last || own.substr(own.rfind('/') + 1) == last) {
      found.push_back(std::move(model));
    }
  }
  return found;
}

std::optional<fs::path> LocalModels::find(std::string_view id) const {
  if (id.empty() || id.find('\0') != id.npos) return std::nullopt;
  const fs::path path(id);
  if (is_written_as_path(id)) {
    std::error_code ignored;
    return fs::exists(path, ignored) ? std::optional(path) : std::nullopt;
  }
  if (is_model(path)) return path;
  const Models found = candidates(id);
  if (found.size() == 1) return found.front().path;
  // Of a model without its weights much can be said.
  std::error_code ignored;
  if (found.empty() && fs::is_regular_file(path / "config.json", ignored)) {
    return path;
  }
  return std::nullopt;
}

fs::path LocalModels::resolve(std::string_view id) const {
  if (auto found = find(id)) return *found;
  if (is_written_as_path(id)) {
    throw ModelNotFoundError(
        fmt::format("[model] {}: no such file or folder", id));
  }
  refuse(id);
}

void LocalModels::refuse(std::string_view id) const {
  std::vector<std::string> ids;
  for (const LocalModel& model : candidates(id)) ids.push_back(model.id);
  if (!ids.empty()) {
    throw InvalidRequestError(
        fmt::format("[model] '{}' may mean {} models", id, ids.size()),
        fmt::format("Name one: {}.", fmt::join(ids, ", ")));
  }
  std::vector<std::string> looked = {"the path itself"};
  std::vector<fs::path> folders{locations_.models, locations_.hugging_face};
  for (const auto& more : {locations_.lm_studio, locations_.ollama}) {
    folders.insert(folders.end(), more.begin(), more.end());
  }
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    const bool is_usual =
        folder == locations_.models || folder == locations_.hugging_face;
    if (!folder.empty() && (is_usual || fs::exists(folder, ignored))) {
      looked.push_back(folder.string());
    }
  }
  std::vector<std::string> known;
  for (const LocalModel& model : enumerate()) known.push_back(model.id);
  const auto nearest = base::nearest_names(id, known, kSuggestions);
  const std::string have =
      nearest.empty()
          ? "There are no local models."
          : fmt::format("Local models: {}{}.", fmt::join(nearest, ", "),
                        known.size() > nearest.size() ? ", ..." : "");
  const std::string message = fmt::format("[model] no model '{}'; looked at {}",
                                          id, fmt::join(looked, ", "));
  const auto address = find_address(id);
  if (address && address->id.find('/') != address->id.npos) {
    throw ModelNotFoundError(
        message, fmt::format("allm pull {} fetches it from the hub, if it is "
                             "there. {}",
                             id, have));
  }
  throw ModelNotFoundError(
      message,
      fmt::format("{} Name a folder or a .gguf file, or put the model into {}.",
                  have,
                  locations_.models.empty()
                      ? "the folder that ABSTRACTLLM_MODELS_DIR names"
                      : (locations_.models / "NAME").string()));
}

// In the order in which an id is looked for.
Models LocalModels::enumerate() const {
  Models all;
  if (!locations_.models.empty()) all = list_folder(locations_.models, kOwn);
  if (!locations_.hugging_face.empty()) {
    append(all, list_cache(locations_.hugging_face));
  }
  for (const fs::path& root : locations_.lm_studio) {
    append(all, list_folder(root, kLmStudio));
  }
  for (const fs::path& store : locations_.ollama) {
    for (const OllamaModel& model : list_ollama_models(store)) {
      all.push_back(
          {model.id, model.path.string(), "gguf", model.bytes, kOllama, {}});
    }
  }
  std::map<std::string, LocalModel> by_id;
  for (LocalModel& model : all) {
    if (by_id.contains(model.id)) model.id = prefix_of(model.source) + model.id;
    by_id.emplace(model.id, model);
  }
  Models sorted;
  for (auto& [id, model] : by_id) sorted.push_back(std::move(model));
  return sorted;
}

Models LocalModels::list() const {
  Models models = enumerate();
  for (LocalModel& model : models) {
    model.architecture = architecture_of(model.path);
    if (lacks_parts(model.path)) model.format = "incomplete";
  }
  if (locations_.hugging_face.empty()) return models;
  for (LocalModel& model : list_incomplete(locations_.hugging_face)) {
    const auto is_of_it = [&](const LocalModel& known) {
      return known.path.starts_with(model.path + "/");
    };
    if (std::any_of(models.begin(), models.end(), is_of_it)) continue;
    const auto place = std::lower_bound(
        models.begin(), models.end(), model.id,
        [](const LocalModel& a, const std::string& b) { return a.id < b; });
    models.insert(place, std::move(model));
  }
  return models;
}

}  // namespace abstractllm::hub
