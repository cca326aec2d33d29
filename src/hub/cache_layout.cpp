// Paths of the cache, and reading its refs.
// SPDX-License-Identifier: Apache-2.0
#include "hub/cache_layout.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "hub/repository_address.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "models--";

std::string folder_name(std::string_view id) {
  std::string name(kPrefix);
  for (const char c : id) c == '/' ? name.append("--") : name += c;
  return name;
}

}  // namespace

CachedRepository::CachedRepository(fs::path cache, std::string_view id)
    : cache_(std::move(cache)),
      name_(folder_name(id)),
      folder_(cache_ / name_) {}

std::optional<std::string> CachedRepository::id_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::string id(name.substr(kPrefix.size()));
  if (const auto dashes = id.find("--"); dashes != id.npos) {
    id.replace(dashes, 2, "/");
  }
  return is_repository_id(id) ? std::optional(id) : std::nullopt;
}

fs::path CachedRepository::blob(std::string_view etag) const {
  return folder_ / "blobs" / etag;
}

fs::path CachedRepository::incomplete(std::string_view etag) const {
  return folder_ / "blobs" / (std::string(etag) + ".incomplete");
}

fs::path CachedRepository::ref(std::string_view revision) const {
  return folder_ / "refs" / revision;
}

fs::path CachedRepository::snapshot(std::string_view commit) const {
  return snapshots() / commit;
}

fs::path CachedRepository::locks() const { return cache_ / ".locks" / name_; }

fs::path CachedRepository::lock(std::string_view etag) const {
  return locks() / (std::string(etag) + ".lock");
}

fs::path CachedRepository::link_target(std::string_view path,
                                       std::string_view etag) {
  fs::path target = "../..";
  for (const char c : path) {
    if (c == '/') target /= "..";
  }
  return target / "blobs" / etag;
}

std::optional<std::string> CachedRepository::commit_of(
    std::string_view revision) const {
  if (!is_safe_path(revision)) return std::nullopt;
  std::ifstream stream(ref(revision));
  std::string commit;
  if (!(stream >> commit)) commit = revision;
  std::error_code ignored;
  if (!is_safe_name(commit) || !fs::is_directory(snapshot(commit), ignored)) {
    return std::nullopt;
  }
  return commit;
}

std::optional<fs::path> CachedRepository::find_snapshot(
    std::string_view revision) const {
  if (const auto commit = commit_of(revision)) return snapshot(*commit);
  const auto all = commits();
  if (revision == "main" && all.size() == 1) return snapshot(all.front());
  return std::nullopt;
}

std::vector<fs::path> CachedRepository::refs_to(std::string_view commit) const {
  std::vector<fs::path> refs;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder_ / "refs", error), end;
       !error && entry != end; entry.increment(error)) {
    std::ifstream stream(entry->path());
    std::string named;
    if (stream >> named && named == commit) refs.push_back(entry->path());
  }
  std::sort(refs.begin(), refs.end());
  return refs;
}

std::string CachedRepository::revision_of(const std::string& commit) const {
  for (const fs::path& ref : refs_to(commit)) {
    const std::string name = ref.lexically_relative(folder_ / "refs").string();
    if (is_safe_path(name)) return name;
  }
  return commit;
}

std::vector<std::string> CachedRepository::commits() const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(snapshots(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (is_safe_name(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace abstractllm::hub
