// What the environment says of the hub, by the names that Hugging Face's own
// tools read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace abstractllm::hub {

/// The value of an environment variable; null if it is not set.
using Environment = std::function<const char*(const char*)>;

/// A plain value.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";
  /// models--ORG--NAME folders; empty: no home folder to keep it in.
  std::filesystem::path cache{};
  std::string token{};  ///< empty: none
  /// Nothing may be asked over the network.
  bool offline = false;

  /// HF_ENDPOINT; HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else hub in
  /// HF_HOME, else huggingface/hub in XDG_CACHE_HOME or ~/.cache; HF_TOKEN,
  /// else the text of the file HF_TOKEN_PATH or token in HF_HOME, unless
  /// HF_HUB_DISABLE_IMPLICIT_TOKEN; HF_HUB_OFFLINE, else TRANSFORMERS_OFFLINE.
  /// Throws InvalidParameterError for an endpoint that is no http(s) URL.
  static HubSettings from_environment(const Environment& environment);
  static HubSettings from_environment();
};

/// The cache alone, as above.
std::filesystem::path hub_cache(const Environment& environment);

/// The value of a variable, empty where it is not set.
std::string value_of(const Environment& environment, const char* name);

/// `text` with "~/" at its start as $HOME.
std::filesystem::path home_path(const Environment& environment,
                                const std::string& text);

}  // namespace abstractllm::hub
