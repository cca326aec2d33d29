// The JSON of the hub's API, taken apart.
// SPDX-License-Identifier: Apache-2.0
#include "hub/remote_repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "hub/digest.h"
#include "hub/repository_address.h"
#include "io/json_text.h"

namespace abstractllm::hub {
namespace {

using Json = nlohmann::json;

// The largest repositories of models have some thousands.
constexpr std::size_t kMaxFiles = 100'000;
constexpr std::size_t kMaxAnswer = std::size_t{64} << 20;

[[noreturn]] void refuse(const std::string& what) {
  throw ProviderAPIError("[hub] " + what,
                         "Does HF_ENDPOINT name a hub that speaks Hugging "
                         "Face's protocol?",
                         "hub");
}

Json parse(std::string_view text) {
  try {
    return io::parse_json_text(text, "the hub's answer",
                               {.bytes = kMaxAnswer, .depth = 64});
  } catch (const ModelLoadingError& error) {
    refuse(error.what());
  }
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

std::optional<std::uint64_t> size_at(const Json& json) {
  const auto found = json.find("size");
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

// `git_id`: the name of the field that holds git's object id.
void take_facts(const Json& json, const char* git_id, RemoteFile& file) {
  if (const auto size = size_at(json)) file.size = size;
  std::string etag = text_at(json, git_id);
  if (const auto lfs = json.find("lfs");
      lfs != json.end() && lfs->is_object()) {
    etag = text_at(*lfs, "sha256");
    if (etag.empty()) etag = text_at(*lfs, "oid");
    if (etag.starts_with("sha256:")) etag.erase(0, 7);
    if (const auto size = size_at(*lfs)) file.size = size;
  }
  if (EtagDigest::knows(etag)) file.etag = etag;
}

}  // namespace

bool RemoteRepository::lacks_facts() const {
  return std::any_of(files.begin(), files.end(), [](const RemoteFile& file) {
    return !file.size || file.etag.empty();
  });
}

RemoteRepository read_repository(std::string_view text) {
  const Json json = parse(text);
  RemoteRepository repository;
  if (json.is_object()) repository.commit = text_at(json, "sha");
  if (!is_safe_name(repository.commit)) {
    refuse("the answer for the repository names no commit");
  }
  const auto siblings = json.find("siblings");
  if (siblings == json.end() || !siblings->is_array() ||
      siblings->size() > kMaxFiles) {
    refuse("the answer for the repository lists no files");
  }
  for (const Json& sibling : *siblings) {
    if (!sibling.is_object()) refuse("a file of the repository has no name");
    RemoteFile file{.path = text_at(sibling, "rfilename")};
    if (!is_safe_path(file.path)) {
      refuse(fmt::format("a file of the repository is called '{}'", file.path));
    }
    take_facts(sibling, "blobId", file);
    repository.files.push_back(std::move(file));
  }
  std::sort(
      repository.files.begin(), repository.files.end(),
      [](const RemoteFile& a, const RemoteFile& b) { return a.path < b.path; });
  const auto twice = std::adjacent_find(
      repository.files.begin(), repository.files.end(),
      [](const auto& a, const auto& b) { return a.path == b.path; });
  if (twice != repository.files.end()) {
    refuse(fmt::format("the repository lists {} twice", twice->path));
  }
  return repository;
}

void add_tree_facts(std::string_view text, RemoteRepository& repository) {
  const Json json = parse(text);
  if (!json.is_array()) refuse("the tree of the repository is no list");
  for (const Json& entry : json) {
    if (!entry.is_object() || text_at(entry, "type") == "directory") continue;
    const std::string path = text_at(entry, "path");
    const auto file = std::lower_bound(
        repository.files.begin(), repository.files.end(), path,
        [](const RemoteFile& a, const std::string& b) { return a.path < b; });
    if (file == repository.files.end() || file->path != path) continue;
    take_facts(entry, "oid", *file);
  }
}

std::string etag_of(std::string_view header) {
  if (header.starts_with("W/")) header.remove_prefix(2);
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"') {
    header = header.substr(1, header.size() - 2);
  }
  return is_safe_name(header) ? std::string(header) : std::string();
}

std::string next_link(std::string_view header) {
  while (!header.empty()) {
    const std::size_t begin = header.find('<');
    const std::size_t end = header.find('>');
    if (begin == header.npos || end == header.npos || end < begin) break;
    const std::size_t next = header.find('<', end);
    const std::string_view rules = header.substr(end + 1, next - end - 1);
    if (rules.find("rel=\"next\"") != rules.npos) {
      return std::string(header.substr(begin + 1, end - begin - 1));
    }
    header.remove_prefix(std::min(next, header.size()));
  }
  return {};
}

}  // namespace abstractllm::hub
