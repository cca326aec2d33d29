// How a model in a hub is named: ORG/NAME, a revision, and which of its files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace abstractllm::hub {

/// A plain value.
struct RepositoryAddress {
  std::string id;                 ///< "ORG/NAME", or "NAME" of old
  std::string revision = "main";  ///< branch, tag or commit; may have slashes
  /// Glob over the paths of files, or the name of a quantisation; empty: what
  /// a model needs.
  std::string files{};

  bool operator==(const RepositoryAddress&) const = default;
};

/// Reads "ORG/NAME[@REVISION][:FILES]", with "hf:" or the address of the public
/// hub before it or not. Throws InvalidRequestError for what no hub would
/// accept as a name.
RepositoryAddress parse_address(std::string_view text);

/// parse_address, and "ORG/NAME/PATH" for one file; nothing where it throws.
std::optional<RepositoryAddress> find_address(std::string_view text);

/// Whether `id` can be the name of a repository: one or two parts of letters,
/// digits, '-', '_' and '.', none at the ends of a part, "--" and ".." nowhere.
bool is_repository_id(std::string_view id);

/// Whether `path` stays in the folder that it is joined to: relative, without
/// empty parts, "." and "..", and without what other systems take for a
/// separator.
bool is_safe_path(std::string_view path);

/// Whether `name` can be a file's own name: letters, digits, '.', '_' and '-',
/// not hidden, at most 128 of them.
bool is_safe_name(std::string_view name);

}  // namespace abstractllm::hub
