// libcurl's error codes as the library's errors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace abstractllm::net {

/// What a transfer that failed was about.
struct TransferFacts {
  std::string provider;
  std::string url;  ///< as display_url shows it
  std::string ca_file;
  std::chrono::milliseconds connect_timeout{0};
  bool answer_began = false;
  bool uses_proxy = false;
};

/// Throws the error of the CURLcode `code`; `detail` is libcurl's own
/// sentence, possibly empty.
[[noreturn]] void throw_curl_error(int code, std::string_view detail,
                                   const TransferFacts& facts);

/// Throws RequestTimeoutError: `what` did not arrive within `limit`.
[[noreturn]] void throw_timeout(std::string_view what,
                                std::chrono::milliseconds limit,
                                const std::string& provider,
                                const std::string& url);

}  // namespace abstractllm::net
