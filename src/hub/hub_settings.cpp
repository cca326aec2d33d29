// Environment variables of the hub.
// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_settings.h"

#include <cstdlib>
#include <fstream>

#include "base/text.h"
#include "net/url.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

bool is_on(const Environment& environment, const char* name) {
  std::string value = value_of(environment, name);
  for (char& c : value) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

fs::path hub_home(const Environment& environment) {
  const std::string home = value_of(environment, "HF_HOME");
  if (!home.empty()) return home_path(environment, home);
  const std::string cache = value_of(environment, "XDG_CACHE_HOME");
  if (!cache.empty()) return home_path(environment, cache) / "huggingface";
  const std::string user = value_of(environment, "HOME");
  return user.empty() ? fs::path() : fs::path(user) / ".cache/huggingface";
}

// The file that `hf auth login` writes.
std::string stored_token(const Environment& environment) {
  if (is_on(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};
  fs::path file =
      home_path(environment, value_of(environment, "HF_TOKEN_PATH"));
  if (file.empty()) {
    const fs::path home = hub_home(environment);
    if (home.empty()) return {};
    file = home / "token";
  }
  std::ifstream stream(file);
  std::string token;
  stream >> token;
  return token;
}

}  // namespace

std::string value_of(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

fs::path home_path(const Environment& environment, const std::string& text) {
  if (!text.starts_with("~/")) return text;
  return fs::path(value_of(environment, "HOME")) / text.substr(2);
}

fs::path hub_cache(const Environment& environment) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    const std::string value = value_of(environment, name);
    if (!value.empty()) return home_path(environment, value);
  }
  const fs::path home = hub_home(environment);
  return home.empty() ? home : home / "hub";
}

HubSettings HubSettings::from_environment() {
  return from_environment([](const char* name) { return std::getenv(name); });
}

HubSettings HubSettings::from_environment(const Environment& environment) {
  HubSettings settings;
  const std::string endpoint = value_of(environment, "HF_ENDPOINT");
  if (!endpoint.empty()) {
    settings.endpoint = net::checked_base_url(endpoint, "HF_ENDPOINT");
  }
  settings.cache = hub_cache(environment);
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (!settings.token.empty()) break;
    // White space that came along with copying it.
    settings.token = base::trimmed(value_of(environment, name));
  }
  if (settings.token.empty()) settings.token = stored_token(environment);
  settings.offline = is_on(environment, "HF_HUB_OFFLINE") ||
                     is_on(environment, "TRANSFORMERS_OFFLINE");
  return settings;
}

}  // namespace abstractllm::hub
