// Which files a model has to itself.
// SPDX-License-Identifier: Apache-2.0
#include "hub/model_removal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <set>
#include <system_error>

#include "abstractllm/error.h"
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

// The blobs that the links below `folder` point to.
std::set<fs::path> blobs_of(const fs::path& folder) {
  std::set<fs::path> blobs;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code missing;
    const fs::path target = fs::read_symlink(entry->path(), missing);
    if (!missing) blobs.insert(target.filename());
  }
  return blobs;
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

// One snapshot, the refs to it, and the blobs that no other snapshot has.
ModelRemoval one_snapshot(const CachedRepository& cached, const std::string& id,
                          const std::string& commit) {
  ModelRemoval removal{.id = id, .paths = {cached.snapshot(commit).string()}};
  std::set<fs::path> kept;
  for (const std::string& other : cached.commits()) {
    if (other != commit) kept.merge(blobs_of(cached.snapshot(other)));
  }
  for (const fs::path& blob : blobs_of(cached.snapshot(commit))) {
    if (kept.contains(blob)) continue;
    removal.paths.push_back(cached.blob(blob.string()).string());
    removal.bytes += bytes_below(removal.paths.back());
  }
  std::error_code error;
  for (fs::recursive_directory_iterator ref(cached.folder() / "refs", error),
       end;
       !error && ref != end; ref.increment(error)) {
    std::ifstream stream(ref->path());
    std::string named;
    if (stream >> named && named == commit) {
      removal.paths.push_back(ref->path().string());
    }
  }
  return removal;
}

// Single files: their links in the snapshot, and their own blobs.
ModelRemoval some_files(const CachedRepository& cached, const std::string& id,
                        const fs::path& first_part) {
  ModelRemoval removal{.id = id};
  const std::string model = gguf_model_name(first_part.string());
  for (const fs::path& link : entries_of(first_part.parent_path())) {
    if (gguf_model_name(link.string()) != model) continue;
    removal.paths.push_back(link.string());
    std::error_code missing;
    const fs::path target = fs::read_symlink(link, missing);
    if (missing) {
      removal.bytes += bytes_below(link);
      continue;
    }
    bool is_shared = false;
    for (const std::string& commit : cached.commits()) {
      const fs::path other = cached.snapshot(commit) / link.filename();
      std::error_code ignored;
      is_shared = is_shared || (other != link &&
                                fs::read_symlink(other, ignored).filename() ==
                                    target.filename());
    }
    if (is_shared) continue;
    removal.paths.push_back(cached.blob(target.filename().string()).string());
    removal.bytes += bytes_below(removal.paths.back());
  }
  return removal;
}

std::optional<ModelRemoval> in_cache(const fs::path& cache,
                                     const std::string& id,
                                     const fs::path& path) {
  RepositoryAddress address;
  try {
    address = parse_address(id);
  } catch (const InvalidRequestError&) {
    return std::nullopt;  // "ORG/NAME/FILE" and parts of ids: by their path
  }
  const CachedRepository cached(cache, address.id);
  std::error_code ignored;
  if (!fs::is_directory(cached.folder(), ignored)) return std::nullopt;
  if (!address.files.empty()) return some_files(cached, id, path);
  if (id.find('@') == id.npos) return whole_repository(cached, id);
  const auto commit = cached.commit_of(address.revision);
  if (!commit) return std::nullopt;
  return one_snapshot(cached, id, *commit);
}

}  // namespace

ModelRemoval plan_removal(const LocalModels& models, std::string_view id) {
  const auto found = models.candidates(id);
  if (found.empty()) {
    const fs::path path = models.resolve(id);  // throws where there is none
    throw UnsupportedOperationError(
        fmt::format("[hub] {} is a file of yours, not one that was fetched",
                    path.string()),
        "Remove it yourself.");
  }
  const LocalModel& model = found.front();
  if (model.source != "abstractllm" && model.source != "huggingface") {
    throw UnsupportedOperationError(
        fmt::format("[hub] {} belongs to {}, whose files are only read",
                    model.id, model.source),
        model.source == "ollama" ? "ollama rm " + model.id + " removes it."
                                 : "Remove it in LM Studio.");
  }
  const fs::path& cache = models.locations().hugging_face;
  if (model.source == "huggingface") {
    if (auto removal = in_cache(cache, std::string(id), model.path)) {
      return *removal;
    }
  }
  if (found.size() > 1 || model.source == "huggingface") {
    std::vector<std::string> ids;
    for (const LocalModel& each : found) ids.push_back(each.id);
    throw InvalidRequestError(
        fmt::format("[hub] '{}' names no model alone", id),
        fmt::format("Name one: {}.", fmt::join(ids, ", ")));
  }
  return {
      .id = model.id, .paths = {model.path}, .bytes = bytes_below(model.path)};
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
