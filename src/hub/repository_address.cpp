// The little grammar of names in a hub.
// SPDX-License-Identifier: Apache-2.0
#include "hub/repository_address.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"

namespace abstractllm::hub {
namespace {

// What the hub itself allows for a part of a name.
constexpr std::size_t kMaxPart = 96;
constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kMaxName = 128;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool is_part(std::string_view part) {
  const auto is_edge = [](char c) { return c == '-' || c == '.'; };
  return !part.empty() && part.size() <= kMaxPart &&
         std::all_of(part.begin(), part.end(), is_word) &&
         !is_edge(part.front()) && !is_edge(part.back()) &&
         part.find("--") == part.npos && part.find("..") == part.npos;
}

// Also the address of a page, as people copy it.
std::string_view without_prefix(std::string_view text) {
  if (text.starts_with("hf:")) return text.substr(3);
  std::string_view page = text;
  if (page.starts_with("https://")) page.remove_prefix(8);
  for (const std::string_view host : {"huggingface.co", "hf.co"}) {
    if (page.starts_with(host) && page.substr(host.size()).starts_with('/')) {
      return page.substr(host.size() + 1);
    }
  }
  return text;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw InvalidRequestError(
      fmt::format("[hub] '{}' {}", text, why),
      "Write ORG/NAME, ORG/NAME@REVISION, or ORG/NAME:FILES with a glob or "
      "the name of a quantisation.");
}

}  // namespace

bool is_repository_id(std::string_view id) {
  const std::size_t slash = id.find('/');
  if (slash == id.npos) return is_part(id);
  return is_part(id.substr(0, slash)) && is_part(id.substr(slash + 1));
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath || path.ends_with('/')) {
    return false;
  }
  const auto is_bad = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7F;
  };
  if (std::any_of(path.begin(), path.end(), is_bad)) return false;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(std::min(path.size(), part.size() + 1));
  }
  return true;
}

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), is_word);
}

RepositoryAddress parse_address(std::string_view text) {
  const std::string_view bare = without_prefix(text);
  RepositoryAddress address;
  address.id = bare.substr(0, bare.find_first_of("@:"));
  if (!is_repository_id(address.id)) refuse(text, "is no name of a repository");
  std::string_view rest = bare.substr(address.id.size());
  if (rest.starts_with('@')) {
    const std::size_t colon = rest.find(':');
    address.revision = rest.substr(1, colon == rest.npos ? colon : colon - 1);
    if (!is_safe_path(address.revision)) refuse(text, "names no revision");
    rest.remove_prefix(std::min(colon, rest.size()));
  }
  if (rest.starts_with(':')) {
    address.files = rest.substr(1);
    if (address.files.empty()) refuse(text, "names no files after the colon");
  }
  return address;
}

std::optional<RepositoryAddress> find_address(std::string_view text) {
  std::string_view id = without_prefix(text);
  std::string_view file;
  const std::size_t org = id.find('/');
  if (org != id.npos && id.find_first_of("@:") == id.npos) {
    const std::size_t name = id.find('/', org + 1);
    if (name != id.npos) {
      file = id.substr(name + 1);
      id = id.substr(0, name);
    }
  }
  try {
    RepositoryAddress address = parse_address(id);
    if (!file.empty()) address.files = file;
    return address;
  } catch (const InvalidRequestError&) {
    return std::nullopt;  // then it is no name of a repository
  }
}

}  // namespace abstractllm::hub
