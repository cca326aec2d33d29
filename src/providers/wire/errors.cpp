// One mapping for all services: their types, codes and statuses overlap.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/utf8.h"
#include "net/sse_reader.h"
#include "providers/wire/json.h"

namespace abstractllm::providers {
namespace {

constexpr std::size_t kMaxMessageBytes = 500;
// Behind its prefix; what is shorter is a word.
constexpr std::size_t kLeastKeyBytes = 8;

bool begins_word(std::string_view line, std::size_t at) {
  return at == 0 || std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0;
}

bool is_key(std::string_view start, std::string_view rest) {
  const bool has_digit = std::any_of(
      rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; });
  return rest.size() >= kLeastKeyBytes || (start == "Bearer " && has_digit);
}

// One line of clean UTF-8. A service may echo a part of the key that it
// refused: what looks like one is masked.
std::string tidy(std::string_view text) {
  std::string line = base::replace_invalid_utf8(text);
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; },
      ' ');
  for (const std::string_view start : {"sk-", "hf_", "gsk_", "Bearer "}) {
    std::size_t at = 0;
    while ((at = line.find(start, at)) != std::string::npos) {
      const std::size_t end = std::min(
          line.find_first_of(" ,;'\")", at + start.size()), line.size());
      if (!begins_word(line, at) ||
          !is_key(start,
                  line.substr(at + start.size(), end - at - start.size()))) {
        at += start.size();
        continue;
      }
      line.replace(at, end - at, "<key>");
      at += 5;
    }
  }
  return std::string(base::truncate_utf8(line, kMaxMessageBytes));
}

std::string code_text(const Json& code) {
  if (code.is_string()) return code.get<std::string>();
  if (code.is_number_integer()) return std::to_string(code.get<int>());
  return "";
}

// FastAPI: a text, or a list of {"loc": [...], "msg": "..."}.
std::string detail_text(const Json& detail) {
  if (detail.is_string()) return detail.get<std::string>();
  std::string joined;
  if (!detail.is_array()) return joined;
  for (const Json& each : detail) {
    if (!joined.empty()) joined += "; ";
    joined += text_at(each, "msg");
  }
  return joined;
}

// The status that a fault within a stream, or one under a wrong status, would
// have had.
struct KnownKind {
  std::string_view name;
  int status;
};
constexpr std::array kKinds{
    KnownKind{"invalid_request_error", 400},
    KnownKind{"authentication_error", 401},
    KnownKind{"invalid_api_key", 401},
    KnownKind{"billing_error", 402},
    KnownKind{"permission_error", 403},
    KnownKind{"not_found_error", 404},
    KnownKind{"model_not_found", 404},
    KnownKind{"timeout_error", 504},
    KnownKind{"request_too_large", 413},
    KnownKind{"rate_limit_error", 429},
    KnownKind{"rate_limit_exceeded", 429},
    KnownKind{"insufficient_quota", 429},
    KnownKind{"api_error", 500},
    KnownKind{"server_error", 500},
    KnownKind{"internal_server_error", 500},
    KnownKind{"overloaded_error", 529},
    KnownKind{"overloaded", 529},
};

int status_of(const ServiceFault& fault, int status) {
  for (const std::string* name : {&fault.code, &fault.type}) {
    for (const KnownKind& kind : kKinds) {
      if (kind.name == *name) return kind.status;
    }
  }
  if (status != 0) return status;
  int number = 0;
  const std::string& code = fault.code;
  std::from_chars(code.data(), code.data() + code.size(), number);
  return number >= 400 && number < 600 ? number : 500;
}

bool says(const ServiceFault& fault, std::initializer_list<const char*> signs) {
  std::string low = fault.message + ' ' + fault.code + ' ' + fault.type;
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return std::any_of(signs.begin(), signs.end(), [&](const char* sign) {
    return low.find(sign) != std::string::npos;
  });
}

// Services give these no code of their own, or each another one.
bool is_context_overflow(const ServiceFault& fault) {
  return says(fault, {"context_length_exceeded", "exceed_context_size",
                      "maximum context length", "prompt is too long",
                      "context window", "context size", "context length"});
}

bool is_content_refusal(const ServiceFault& fault) {
  return says(fault, {"content_filter", "content_policy_violation",
                      "content management policy"});
}

bool is_parameter_fault(const ServiceFault& fault) {
  return says(fault, {"unsupported_parameter", "unsupported_value",
                      "invalid_parameter"});
}

bool is_used_up(const ServiceFault& fault) {
  return says(fault, {"insufficient_quota", "billing", "credit balance"});
}

struct Meaning {
  ErrorCode code;
  std::string hint;
  bool transient = false;
};

// Services that have no 404 for it.
bool is_unknown_model(const ServiceFault& fault) {
  return says(fault, {"not a valid model", "invalid model name",
                      "unknown model", "model not found", "no such model"});
}

Meaning unknown_model(const FaultContext& context) {
  return {ErrorCode::kModelNotFound, "`allm list " + context.provider +
                                         "` shows the models that there are."};
}

Meaning meaning_of_bad_request(const ServiceFault& fault,
                               const FaultContext& context) {
  using enum ErrorCode;
  if (!context.model.empty() && is_unknown_model(fault)) {
    return unknown_model(context);
  }
  if (is_context_overflow(fault)) {
    return {kContextWindowExceeded,
            "Shorten the conversation or lower max_tokens."};
  }
  if (is_content_refusal(fault)) {
    return {kContentFilter, "The service's rules refuse this content."};
  }
  if (is_parameter_fault(fault)) {
    return {kInvalidParameter, "This model does not take the parameter so."};
  }
  return {kInvalidRequest, "The service refuses the request as it is."};
}

Meaning meaning_of(const ServiceFault& fault, int status,
                   const FaultContext& context) {
  using enum ErrorCode;
  switch (status) {
    case 401:
      return {kAuthentication, "Check the API key."};
    case 403:
      return {kAuthentication, "The key has no right to this model or action."};
    case 402:
      return {kQuotaExceeded, "Add credit to the account."};
    case 404:
      if (!context.model.empty() &&
          (says(fault, {"model"}) || fault.type == "not_found_error")) {
        return unknown_model(context);
      }
      return {kProviderApi, "Check base_url: nothing is at this path."};
    case 408:
    case 504:
      return {kRequestTimeout, "Ask again.", true};
    case 409:
    case 425:
      return {kProviderApi, "Ask again.", true};
    case 429:
      if (is_used_up(fault)) {
        return {kQuotaExceeded, "Add credit to the account."};
      }
      return {kQuotaExceeded, "Ask again later, or less often.", true};
    default:
      break;
  }
  if (status >= 400 && status < 500) {
    return meaning_of_bad_request(fault, context);
  }
  if (status >= 500) {
    return {kProviderApi, "The service has a problem; ask again later.", true};
  }
  return {kProviderApi, "Check base_url: the service does not answer as such.",
          false};
}

// A stream was asked for, and some send the fault as one.
Json first_event(std::string_view body) {
  if (!body.starts_with("data:") && !body.starts_with("event:")) return {};
  net::SseReader reader;
  reader.push(body);
  reader.push("\n\n");
  const auto event = reader.next();
  return event ? base::parse_json(event->data) : Json();
}

}  // namespace

ServiceFault read_fault(const Json& error) {
  ServiceFault fault;
  if (error.is_string()) {
    fault.message = tidy(error.get<std::string>());
    return fault;
  }
  fault.type = tidy(text_at(error, "type"));
  fault.code = tidy(code_text(member(error, "code")));
  fault.message = tidy(text_at(error, "message"));
  // OpenRouter puts the words of the service behind it here.
  const std::string raw = text_at(member(error, "metadata"), "raw");
  if (!raw.empty()) fault.message = tidy(fault.message + ": " + raw);
  return fault;
}

ServiceFault read_fault(std::string_view body) {
  Json json = base::parse_json(body);
  if (!json.is_object()) json = first_event(body);
  if (!json.is_object()) return {.message = tidy(body)};
  ServiceFault fault = read_fault(member(json, "error"));
  if (member(json, "error").is_null()) fault = read_fault(json);
  if (fault.message.empty()) fault.message = tidy(text_at(json, "message"));
  if (fault.message.empty()) {
    fault.message = tidy(detail_text(member(json, "detail")));
  }
  fault.request_id = tidy(text_at(json, "request_id"));
  return fault;
}

std::string request_id(const net::Headers& headers) {
  for (const std::string_view name :
       {"x-request-id", "request-id", "x-amzn-requestid", "cf-ray"}) {
    if (const auto value = net::find_header(headers, name)) return tidy(*value);
  }
  return "";
}

std::optional<double> retry_after(const net::Headers& headers,
                                  std::int64_t now) {
  const auto number = [](std::string_view text) -> std::optional<double> {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end || !(value >= 0) || value > 1e9) {
      return std::nullopt;
    }
    return value;
  };
  if (const auto text = net::find_header(headers, "retry-after-ms")) {
    if (const auto value = number(*text)) return *value / 1000;
  }
  const auto text = net::find_header(headers, "retry-after");
  if (!text) return std::nullopt;
  if (const auto value = number(*text)) return value;
  const auto date = net::parse_http_date(*text);
  if (!date) return std::nullopt;
  return static_cast<double>(std::max<std::int64_t>(*date - now, 0));
}

Error service_error(const ServiceFault& fault, const FaultContext& context) {
  const int status = status_of(fault, context.status);
  Meaning meaning = meaning_of(fault, status, context);
  ServiceReport report{
      .http_status = context.status != 0 ? context.status : status,
      .request_id = fault.request_id.empty() ? request_id(context.headers)
                                             : fault.request_id,
      .retry_after = retry_after(context.headers, std::time(nullptr)),
      .transient = meaning.transient};
  std::string text = "[" + context.provider + "] ";
  text += context.status != 0 ? "the service answered with HTTP status " +
                                    std::to_string(context.status)
                              : std::string("the service broke the answer off");
  if (!fault.type.empty()) text += " (" + fault.type + ")";
  if (!fault.message.empty()) text += ": " + fault.message;
  if (!report.request_id.empty()) {
    text += " [request " + report.request_id + "]";
  }
  Error error(meaning.code, text, std::move(meaning.hint), context.provider);
  error.set_service(std::move(report));
  return error;
}

Error truncated_stream(const std::string& provider) {
  Error error(ErrorCode::kProviderConnection,
              "[" + provider + "] the stream ended before the answer did",
              "Ask again.", provider);
  error.set_service({.transient = true});
  return error;
}

}  // namespace abstractllm::providers
