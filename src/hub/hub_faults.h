// What a hub's refusals mean, as the library's errors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "abstractllm/error.h"
#include "net/headers.h"

namespace abstractllm::hub {

/// What was asked for. A plain value.
struct HubRequest {
  std::string endpoint;
  std::string id;
  std::string revision{};
  std::string path{};  ///< empty: the repository itself
  bool has_token = false;
};

/// The error of an answer with `status`, 300 or more. Says what is missing
/// (repository, revision or file) where the hub's X-Error-Code does, and for
/// 401 and 403 what would give access. Transient: 408, 429 and 5xx.
Error hub_fault(int status, const net::Headers& headers, std::string_view body,
                const HubRequest& request);

}  // namespace abstractllm::hub
