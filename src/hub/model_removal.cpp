// Which files a model has to itself.
// SPDX-License-Identifier: Apache-2.0
#include "hub/model_removal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <set>
#include <system_error>

#include "abstractllm/error.h"
#include "base/text.h"
#include "hub/cache_layout.h"
#include "hub/file_selection.h"
#include "hub/model_folder.h"
#include "hub/repository_address.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_below(const fs::path& path) {
  std::error_code error;
  if (fs::is_symlink(path, error)) return 0;
  if (!fs::is_directory(path, error)) {
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
  }
  std::uint64_t bytes = 0;
  for (fs::recursive_directory_iterator entry(path, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && !entry->is_symlink(ignored)) {
      bytes += entry->file_size(ignored);
    }
  }
  return bytes;
}

// Also a link to nothing.
bool is_file_or_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(path, ignored) || fs::is_regular_file(path, ignored);
}

// The links below `folder`, and files that are none.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    if (is_file_or_link(entry->path())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The removal of `files` of snapshots, and of the blobs that none of their
// other files points to.
void remove_files(const CachedRepository& cached,
                  const std::set<fs::path>& files, ModelRemoval& removal) {
  const auto blob_of = [](const fs::path& link) {
    std::error_code missing;
    return fs::read_symlink(link, missing).filename();
  };
  std::set<fs::path> kept;
  for (const std::string& commit : cached.commits()) {
    for (const fs::path& file : files_below(cached.snapshot(commit))) {
      if (!files.contains(file)) kept.insert(blob_of(file));
    }
  }
  for (const fs::path& file : files) {
    const fs::path blob = blob_of(file);
    if (blob.empty()) {
      removal.bytes += bytes_below(file);
    } else if (kept.insert(blob).second) {
      removal.paths.push_back(cached.blob(blob.string()).string());
      removal.bytes += bytes_below(removal.paths.back());
    }
  }
}

ModelRemoval whole_repository(const CachedRepository& cached,
                              const std::string& id) {
  ModelRemoval removal{.id = id, .paths = {cached.folder().string()}};
  std::error_code ignored;
  if (fs::exists(cached.locks(), ignored)) {
    removal.paths.push_back(cached.locks().string());
  }
  removal.bytes = bytes_below(cached.folder());
  return removal;
}

// One snapshot, the refs to it, and the blobs that no other snapshot has. Of
// one that another revision names, too, the ref alone.
ModelRemoval one_snapshot(const CachedRepository& cached, const std::string& id,
                          const std::string& commit,
                          const std::string& revision) {
  const fs::path own = cached.ref(revision);
  const std::vector<fs::path> refs = cached.refs_to(commit);
  if (refs.size() > 1 &&
      std::find(refs.begin(), refs.end(), own) != refs.end()) {
    return {.id = id, .paths = {own.string()}};
  }
  if (cached.commits().size() == 1) return whole_repository(cached, id);
  const fs::path snapshot = cached.snapshot(commit);
  ModelRemoval removal{.id = id, .paths = {snapshot.string()}};
  const std::vector<fs::path> files = files_below(snapshot);
  remove_files(cached, {files.begin(), files.end()}, removal);
  for (const fs::path& ref : cached.refs_to(commit)) {
    removal.paths.push_back(ref.string());
  }
  return removal;
}

// The files of `snapshot` that an address names: all that a glob fits, a file
// by its path, or the only model of a quantisation; models with all their
// parts.
std::set<fs::path> files_named(const fs::path& snapshot, const std::string& id,
                               const std::string& wanted) {
  std::vector<fs::path> named;
  if (is_glob(wanted)) {
    const std::string pattern = base::lower(wanted);
    for (const fs::path& file : files_below(snapshot)) {
      const std::string name =
          base::lower(file.lexically_relative(snapshot).string());
      if (::fnmatch(pattern.c_str(), name.c_str(), 0) == 0) {
        named.push_back(file);
      }
    }
  } else if (is_safe_path(wanted) && is_file_or_link(snapshot / wanted)) {
    named.push_back(snapshot / wanted);
  } else {
    const std::vector<GgufEntry> models = ModelFolder(snapshot).find(wanted);
    if (models.size() > 1) {
      std::vector<std::string> names;
      for (const GgufEntry& model : models) names.push_back(model.name);
      throw InvalidRequestError(
          fmt::format("[hub] '{}' names {} models", id, models.size()),
          fmt::format("Name one behind the colon: {}; or all of them with a "
                      "glob.",
                      fmt::join(names, ", ")));
    }
    for (const GgufEntry& model : models) named.push_back(model.path);
  }
  std::set<fs::path> files(named.begin(), named.end());
  for (const fs::path& file : named) {
    const std::vector<fs::path> parts = gguf_parts(file);
    files.insert(parts.begin(), parts.end());
  }
  return files;
}

// Nothing where the cache has no such repository, snapshot or file.
std::optional<ModelRemoval> in_cache(const fs::path& cache,
                                     const std::string& id) {
  const auto address = find_address(id);
  if (cache.empty() || !address) return std::nullopt;
  const CachedRepository cached(cache, address->id);
  std::error_code ignored;
  if (!fs::is_directory(cached.folder(), ignored)) return std::nullopt;
  if (!address->files.empty()) {
    const auto snapshot = cached.find_snapshot(address->revision);
    if (!snapshot) return std::nullopt;
    const auto files = files_named(*snapshot, id, address->files);
    if (files.empty()) return std::nullopt;
    ModelRemoval removal{.id = id};
    for (const fs::path& file : files) removal.paths.push_back(file.string());
    remove_files(cached, files, removal);
    return removal;
  }
  if (id.find('@') == id.npos) return whole_repository(cached, id);
  const auto commit = cached.commit_of(address->revision);
  if (!commit) return std::nullopt;
  return one_snapshot(cached, id, *commit, address->revision);
}

// Of the folder that is ours alone. Where folders in it hold other models, its
// own files are all that goes.
ModelRemoval of_own_folder(const LocalModel& model) {
  ModelRemoval removal{.id = model.id};
  std::error_code ignored;
  if (fs::is_directory(model.path, ignored)) {
    if (holds_models_below(model.path)) {
      for (const fs::path& entry : entries_of(model.path)) {
        if (is_file_or_link(entry)) removal.paths.push_back(entry.string());
      }
    } else {
      removal.paths.push_back(model.path);
    }
  } else {
    for (const fs::path& part : gguf_parts(model.path)) {
      removal.paths.push_back(part.string());
    }
  }
  for (const std::string& path : removal.paths) {
    removal.bytes += bytes_below(path);
  }
  return removal;
}

}  // namespace

ModelRemoval plan_removal(const LocalModels& models, std::string_view id) {
  const auto found = models.candidates(id);
  // What was not fetched to its end is no candidate, and goes all the same.
  if (found.empty() || found.front().source == "huggingface") {
    const fs::path& cache = models.locations().hugging_face;
    auto removal = in_cache(cache, std::string(id));
    if (!removal && found.size() == 1) {
      removal = in_cache(cache, found.front().id);
    }
    if (removal) return *removal;
  }
  if (found.empty()) {
    const fs::path path = models.resolve(id);  // throws where there is none
    throw UnsupportedOperationError(
        fmt::format("[hub] {} is a file of yours, not one that was fetched",
                    path.string()),
        "Remove it yourself.");
  }
  const LocalModel& model = found.front();
  if (found.size() > 1) {
    std::vector<std::string> ids;
    for (const LocalModel& each : found) ids.push_back(each.id);
    throw InvalidRequestError(
        fmt::format("[hub] '{}' names no model alone", id),
        fmt::format("Name one: {}.", fmt::join(ids, ", ")));
  }
  if (model.source == "abstractllm") return of_own_folder(model);
  throw UnsupportedOperationError(
      fmt::format("[hub] {} belongs to {}, whose files are only read", model.id,
                  model.source),
      model.source == "ollama" ? "ollama rm " + model.id + " removes it."
                               : "Remove it in LM Studio.");
}

void remove(const ModelRemoval& removal) {
  std::string failed;
  for (const std::string& path : removal.paths) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error && failed.empty()) failed = path + ": " + error.message();
  }
  if (failed.empty()) return;
  throw FileProcessingError("[hub] cannot remove " + failed,
                            "The rest of the model is gone.");
}

}  // namespace abstractllm::hub
