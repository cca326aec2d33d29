// The one error hierarchy: what went wrong, and what the caller can do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "abstractllm/export.h"

namespace abstractllm {

/// What kind of failure an Error is. Every code owns one row in the table that
/// maps it to an exit code and an HTTP status (see error_traits).
enum class ErrorCode {
  kAuthentication,
  kQuotaExceeded,
  kUnsupportedProvider,
  kUnsupportedModel,
  kModelNotFound,
  kInvalidRequest,
  kInvalidParameter,
  kContextWindowExceeded,
  kModelLoading,
  kProviderConnection,
  kProviderApi,
  kGeneration,
  kRequestTimeout,
  kContentFilter,
  kUnsupportedFeature,
  kUnsupportedOperation,
  kImageProcessing,
  kFileProcessing,
  kResourceExceeded,
  kMemoryExceeded,
  kCancelled,
  kInternal,
};

/// One row of the error table. Values are persisted by scripts that read exit
/// codes: do not renumber.
struct ErrorTraits {
  ErrorCode code;
  std::string_view name;  ///< class name, as AbstractLLM's users know it
  int exit_code;          ///< of the program `allm`
  int http_status;        ///< of the server
};

/// The row of `code`. Total: every enumerator has one.
ABSTRACTLLM_API const ErrorTraits& error_traits(ErrorCode code) noexcept;

/// What a remote service told with a failure. A plain value.
struct ServiceReport {
  int http_status = 0;       ///< 0: it did not answer
  std::string request_id{};  ///< by which the service knows the request
  /// Seconds after which it wants to be asked again.
  std::optional<double> retry_after{};
  /// Whether the same request may well succeed later.
  bool transient = false;
  bool operator==(const ServiceReport&) const = default;
};

/// Base of everything this library throws. `what()` is the message alone.
/// Messages and hints never contain credentials or prompt text. Immutable.
class ABSTRACTLLM_API Error : public std::runtime_error {
 public:
  /// `message`: `[where] what is wrong, with the numbers`.
  /// `hint`: what the user can do; empty when there is nothing useful to say.
  /// `provider`: id of the provider that failed; empty when none is involved.
  Error(ErrorCode code, const std::string& message, std::string hint = {},
        std::string provider = {});
  ~Error() override;

  ErrorCode code() const noexcept { return code_; }
  std::string_view name() const noexcept { return error_traits(code_).name; }
  std::string message() const { return what(); }
  const std::string& hint() const noexcept { return hint_; }
  const std::string& provider() const noexcept { return provider_; }
  /// Of remote services; else as it is initialised.
  const ServiceReport& service() const noexcept { return service_; }
  void set_service(ServiceReport service) { service_ = std::move(service); }

 private:
  ErrorCode code_;
  std::string hint_;
  std::string provider_;
  ServiceReport service_;
};

/// Rethrows `error` as the most derived class of its code, so that an error
/// that travelled as a value can be caught by its class again.
[[noreturn]] ABSTRACTLLM_API void throw_error(const Error& error);

/// Ties a class name to its code; the classes below differ in nothing else.
template <ErrorCode kCode, typename Base = Error>
class TypedError : public Base {
 public:
  explicit TypedError(const std::string& message, std::string hint = {},
                      std::string provider = {})
      : TypedError(kCode, message, std::move(hint), std::move(provider)) {}

 protected:
  TypedError(ErrorCode code, const std::string& message, std::string hint,
             std::string provider)
      : Base(code, message, std::move(hint), std::move(provider)) {}

  template <ErrorCode, typename>
  friend class TypedError;
};

using AbstractLLMError = Error;
using AuthenticationError = TypedError<ErrorCode::kAuthentication>;
using QuotaExceededError = TypedError<ErrorCode::kQuotaExceeded>;
using UnsupportedProviderError = TypedError<ErrorCode::kUnsupportedProvider>;
using UnsupportedModelError = TypedError<ErrorCode::kUnsupportedModel>;
using ModelNotFoundError = TypedError<ErrorCode::kModelNotFound>;
using InvalidRequestError = TypedError<ErrorCode::kInvalidRequest>;
using InvalidParameterError =
    TypedError<ErrorCode::kInvalidParameter, InvalidRequestError>;
using ContextWindowExceededError =
    TypedError<ErrorCode::kContextWindowExceeded, InvalidRequestError>;
using ModelLoadingError = TypedError<ErrorCode::kModelLoading>;
using ProviderConnectionError = TypedError<ErrorCode::kProviderConnection>;
using ProviderAPIError = TypedError<ErrorCode::kProviderApi>;
using GenerationError = TypedError<ErrorCode::kGeneration>;
using RequestTimeoutError = TypedError<ErrorCode::kRequestTimeout>;
using ContentFilterError = TypedError<ErrorCode::kContentFilter>;
using UnsupportedFeatureError = TypedError<ErrorCode::kUnsupportedFeature>;
using UnsupportedOperationError = TypedError<ErrorCode::kUnsupportedOperation>;
using ImageProcessingError = TypedError<ErrorCode::kImageProcessing>;
using FileProcessingError = TypedError<ErrorCode::kFileProcessing>;
using ResourceExceededError = TypedError<ErrorCode::kResourceExceeded>;
using MemoryExceededError =
    TypedError<ErrorCode::kMemoryExceeded, ResourceExceededError>;
using CancelledError = TypedError<ErrorCode::kCancelled>;
using InternalError = TypedError<ErrorCode::kInternal>;

}  // namespace abstractllm
