// Masks by what keys and tokens look like.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>

#include "abstractllm/observe.h"

namespace abstractllm {
namespace {

constexpr std::string_view kMask = "***";
// Shorter ones are words: "sk-8" is a name, not a key.
constexpr std::size_t kShortestSecret = 8;

// What known keys and tokens begin with.
constexpr std::array<std::string_view, 14> kPrefixes{
    "sk-", "sk_",  "pk-",   "ghp_",  "gho_", "github_pat_", "glpat-",
    "hf_", "AKIA", "xoxb-", "xoxp-", "AIza", "gsk_",        "eyJ"};

// What the name of a secret ends in, letter case ignored: MY_API_KEY,
// db.password. Behind it stand ':' or '=', and then the secret.
constexpr std::array<std::string_view, 14> kNames{
    "api_key",    "api-key",   "apikey",      "access_key",    "secret_key",
    "secret-key", "secretkey", "private_key", "authorization", "access_token",
    "passwd",     "password",  "passphrase",  "client_secret"};
// What may be the end of other names too: short values are no secrets there.
constexpr std::array<std::string_view, 6> kLikelyNames{
    "_key", "token", "secret", "pwd", "-key", "credential"};
// Schemes of an Authorization header, which stay.
constexpr std::array<std::string_view, 3> kSchemes{"bearer ", "basic ",
                                                   "token "};

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
         c == '_' || c == '.';
}

bool is_token(char c) { return is_name(c) || c == '+' || c == '/' || c == '~'; }

bool same_any_case(std::string_view lower, std::string_view text) {
  return std::equal(lower.begin(), lower.end(), text.begin(), text.end(),
                    [](char a, char b) {
                      return a == std::tolower(static_cast<unsigned char>(b));
                    });
}

bool starts_with_any_case(std::string_view text, std::string_view start) {
  return same_any_case(start, text.substr(0, start.size()));
}

template <typename List>
bool ends_with_one_of(std::string_view name, const List& list) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view end) {
    return name.size() >= end.size() &&
           same_any_case(end, name.substr(name.size() - end.size()));
  });
}

std::size_t length_while(std::string_view text, bool (*is_part)(char)) {
  return static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_part) - text.begin());
}

// Where the secret begins and ends in a text that begins with a word.
struct Place {
  std::size_t begin = std::string_view::npos;  // npos: there is none
  std::size_t end = 0;
};

// A key that is known by its beginning.
Place known_key(std::string_view text) {
  for (const std::string_view prefix : kPrefixes) {
    if (!text.starts_with(prefix)) continue;
    const std::size_t length = length_while(text, is_token);
    if (length >= prefix.size() + kShortestSecret) {
      return {prefix.size(), length};
    }
  }
  return {};
}

// "Bearer x" with no name before it.
Place bearer(std::string_view text) {
  constexpr std::string_view kBearer = "bearer ";
  if (!starts_with_any_case(text, kBearer)) return {};
  const std::size_t length =
      length_while(text.substr(kBearer.size()), is_token);
  if (length < kShortestSecret) return {};
  return {kBearer.size(), kBearer.size() + length};
}

// What stands behind a name and a divider: up to the quote that ends it, or to
// the next space where there is none.
Place named(std::string_view text) {
  const std::size_t name_length = length_while(text, is_name);
  const std::string_view name = text.substr(0, name_length);
  const bool is_sure = ends_with_one_of(name, kNames);
  if (!is_sure && !ends_with_one_of(name, kLikelyNames)) return {};
  const std::size_t begin = text.find_first_not_of(" \t\"'`:=\\", name_length);
  if (begin == std::string_view::npos || begin - name_length > 8) return {};
  const std::string_view between =
      text.substr(name_length, begin - name_length);
  if (between.find_first_of(":=") == std::string_view::npos) return {};
  Place place{begin, begin};
  for (const std::string_view scheme : kSchemes) {
    if (starts_with_any_case(text.substr(begin), scheme)) {
      place.begin += scheme.size();
    }
  }
  const bool quoted = between.find_last_of("\"'`") != std::string_view::npos &&
                      between.find_last_of("\"'`") > between.find_last_of(":=");
  place.end =
      text.find_first_of(quoted ? "\"'`\\\n" : " \t\r\n\"'`,;&<>", place.begin);
  if (place.end == std::string_view::npos) place.end = text.size();
  const std::size_t shortest = is_sure ? 1 : kShortestSecret;
  if (place.end - place.begin < shortest) return {};
  return place;
}

// The password of "scheme://user:password@host".
Place in_url(std::string_view text) {
  constexpr std::string_view kAuthority = "://";
  const std::size_t start = length_while(text, is_name);
  if (start == 0 || !text.substr(start).starts_with(kAuthority)) return {};
  const std::size_t host = start + kAuthority.size();
  const std::size_t at = text.find_first_of("@/ \t\r\n\"'", host);
  if (at == std::string_view::npos || text[at] != '@') return {};
  const std::size_t colon = text.substr(host, at - host).find(':');
  if (colon == std::string_view::npos || host + colon + 1 == at) return {};
  return {host + colon + 1, at};
}

Place secret_in(std::string_view text) {
  for (Place (*const look)(std::string_view) :
       {known_key, named, bearer, in_url}) {
    const Place place = look(text);
    if (place.begin != std::string_view::npos) return place;
  }
  return {};
}

}  // namespace

std::string redact_secrets(std::string_view text) {
  std::string redacted;
  redacted.reserve(text.size());
  bool word_begins = true;
  while (!text.empty()) {
    const Place secret = word_begins ? secret_in(text) : Place{};
    if (secret.begin == std::string_view::npos) {
      word_begins = !is_token(text.front()) || text.front() == '/';
      redacted += text.front();
      text.remove_prefix(1);
      continue;
    }
    redacted += text.substr(0, secret.begin);
    redacted += kMask;
    text.remove_prefix(secret.end);
    word_begins = true;
  }
  return redacted;
}

}  // namespace abstractllm
