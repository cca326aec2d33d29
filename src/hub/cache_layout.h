// The folder that Hugging Face's tools keep their files in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::hub {

/// Where one repository lies in a cache:
///   models--ORG--NAME/blobs/ETAG                 content
///   models--ORG--NAME/blobs/ETAG.incomplete      its first bytes so far
///   models--ORG--NAME/refs/REVISION              text: the commit
///   models--ORG--NAME/snapshots/COMMIT/PATH      links to blobs
///   .locks/models--ORG--NAME/ETAG.lock
/// Only computes paths. Immutable; thread-safe.
class CachedRepository {
 public:
  /// REQUIRES: is_repository_id(id).
  CachedRepository(std::filesystem::path cache, std::string_view id);

  /// The id behind a folder's name; nothing if the name is none of these.
  static std::optional<std::string> id_of(std::string_view folder_name);

  const std::filesystem::path& folder() const noexcept { return folder_; }
  std::filesystem::path blob(std::string_view etag) const;
  std::filesystem::path incomplete(std::string_view etag) const;
  std::filesystem::path ref(std::string_view revision) const;
  std::filesystem::path snapshots() const { return folder_ / "snapshots"; }
  std::filesystem::path snapshot(std::string_view commit) const;
  std::filesystem::path locks() const;
  std::filesystem::path lock(std::string_view etag) const;

  /// What a snapshot's link called `path` points to, relative to the folder
  /// that it lies in.
  static std::filesystem::path link_target(std::string_view path,
                                           std::string_view etag);

  // The rest looks at the disk.

  /// The commit that `revision` names: the text of its ref, or itself where a
  /// snapshot of that name is there.
  std::optional<std::string> commit_of(std::string_view revision) const;
  /// The folder of that snapshot; of "main" without a ref the only one.
  std::optional<std::filesystem::path> find_snapshot(
      std::string_view revision) const;
  /// A revision whose ref names `commit`, the first by name; else itself.
  std::string revision_of(const std::string& commit) const;
  /// The files that say `commit` below refs, sorted.
  std::vector<std::filesystem::path> refs_to(std::string_view commit) const;
  /// The snapshots that are there, sorted.
  std::vector<std::string> commits() const;

 private:
  std::filesystem::path cache_;
  std::string name_;
  std::filesystem::path folder_;
};

}  // namespace abstractllm::hub
