// What a hub says of a repository.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::hub {

/// A plain value.
struct RemoteFile {
  std::string path;
  std::optional<std::uint64_t> size{};
  /// SHA-256 of large files, git's object id of others; empty: not said.
  std::string etag{};
  bool operator==(const RemoteFile&) const = default;
};

/// A plain value.
struct RemoteRepository {
  std::string commit;
  std::vector<RemoteFile> files;  ///< sorted by path

  /// Whether a file's size or etag is missing.
  bool lacks_facts() const;
};

// The readers of a hub's answers throw ProviderAPIError for what they cannot
// be: no JSON, no commit, a path that leads out of the folder.

/// The answer of /api/models/ID/revision/REVISION.
RemoteRepository read_repository(std::string_view json);

/// One page of the answer of /api/models/ID/tree/COMMIT: takes sizes and etags
/// over into `repository`, for the files that it has.
void add_tree_facts(std::string_view json, RemoteRepository& repository);

/// The etag that an ETag header stands for: without W/ and quotes. Empty for
/// what cannot be the name of a file.
std::string etag_of(std::string_view header);

/// The URL of rel="next" in a Link header; empty: none.
std::string next_link(std::string_view header);

}  // namespace abstractllm::hub
