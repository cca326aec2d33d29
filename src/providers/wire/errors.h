// What a service says of a failure, as one of the library's errors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "abstractllm/error.h"
#include "net/headers.h"

namespace abstractllm::providers {

/// A failure in the service's own words.
struct ServiceFault {
  std::string type{};     ///< "rate_limit_error", ...
  std::string code{};     ///< "context_length_exceeded", ...
  std::string message{};  ///< one line of at most 500 bytes
  std::string request_id{};
};

/// Reads the body of an answer with an error status, whatever shape it has:
/// {"error": {...}}, {"error": "..."}, {"detail": ...}, {"message": ...}, or
/// text that is no JSON.
ServiceFault read_fault(std::string_view body);

/// Reads the value of a member "error".
ServiceFault read_fault(const nlohmann::ordered_json& error);

/// What the transport knows beside the body.
struct FaultContext {
  std::string provider;
  std::string model;
  int status = 0;  ///< 0: the fault came within a stream
  net::Headers headers{};
};

/// The typed error: by the fault's type and code first, then by the status.
/// Its service() says whether it passes and when to ask again.
Error service_error(const ServiceFault& fault, const FaultContext& context);

/// Seconds that the headers ask to wait: retry-after-ms, or retry-after as a
/// number or an HTTP date counted from `now` (seconds since 1970).
std::optional<double> retry_after(const net::Headers& headers,
                                  std::int64_t now);

/// The id under which the service logs the request; empty if it gives none.
std::string request_id(const net::Headers& headers);

/// The stream ended before its answer did.
Error truncated_stream(const std::string& provider);

}  // namespace abstractllm::providers
