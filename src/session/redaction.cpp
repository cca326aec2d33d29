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

// What stands before a secret, letter case ignored; then ':' or '=' or space.
constexpr std::array<std::string_view, 9> kNames{
    "api_key", "api-key",      "apikey", "authorization", "password",
    "passwd",  "access_token", "secret", "bearer"};

bool is_token(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
         c == '_' || c == '.' || c == '+' || c == '/' || c == '~';
}

bool starts_with_any_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) {
                      return a == std::tolower(static_cast<unsigned char>(b));
                    });
}

std::size_t token_length(std::string_view text) {
  return static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_token) - text.begin());
}

// Bytes at the start of `text` that stay, before a secret; npos: no secret.
std::size_t kept_before_secret(std::string_view text, bool word_begins) {
  if (!word_begins) return std::string_view::npos;
  for (const std::string_view prefix : kPrefixes) {
    if (text.starts_with(prefix) &&
        token_length(text) >= prefix.size() + kShortestSecret) {
      return prefix.size();
    }
  }
  for (const std::string_view name : kNames) {
    if (!starts_with_any_case(text, name)) continue;
    std::size_t at = name.size();
    const std::size_t value = text.find_first_not_of(" \t\"':=\\", at);
    if (value == std::string_view::npos || value == at || value - at > 6) {
      continue;
    }
    at = value;
    // A scheme stands before the token: "Authorization: Bearer x".
    const bool divided =
        text.substr(name.size(), value - name.size()).find_first_of(":=") !=
            std::string_view::npos ||
        name == "bearer";
    if (divided && token_length(text.substr(at)) >= kShortestSecret) return at;
  }
  return std::string_view::npos;
}

}  // namespace

std::string redact_secrets(std::string_view text) {
  std::string redacted;
  redacted.reserve(text.size());
  bool word_begins = true;
  while (!text.empty()) {
    const std::size_t kept = kept_before_secret(text, word_begins);
    if (kept == std::string_view::npos) {
      word_begins = !is_token(text.front()) || text.front() == '/';
      redacted += text.front();
      text.remove_prefix(1);
      continue;
    }
    redacted += text.substr(0, kept);
    redacted += kMask;
    text.remove_prefix(kept);
    text.remove_prefix(token_length(text));
    word_begins = true;
  }
  return redacted;
}

}  // namespace abstractllm
