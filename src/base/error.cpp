// The error table, and the way from an error value back to its class.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"

#include <array>
#include <cstddef>

namespace abstractllm {
namespace {

using enum ErrorCode;

// In the order of ErrorCode. Exit codes are public: do not renumber.
constexpr std::array kTable{
    ErrorTraits{kAuthentication, "AuthenticationError", 10, 401},
    ErrorTraits{kQuotaExceeded, "QuotaExceededError", 11, 429},
    ErrorTraits{kUnsupportedProvider, "UnsupportedProviderError", 12, 400},
    ErrorTraits{kUnsupportedModel, "UnsupportedModelError", 13, 400},
    ErrorTraits{kModelNotFound, "ModelNotFoundError", 14, 404},
    ErrorTraits{kInvalidRequest, "InvalidRequestError", 15, 400},
    ErrorTraits{kInvalidParameter, "InvalidParameterError", 16, 400},
    ErrorTraits{kContextWindowExceeded, "ContextWindowExceededError", 17, 400},
    ErrorTraits{kModelLoading, "ModelLoadingError", 18, 500},
    ErrorTraits{kProviderConnection, "ProviderConnectionError", 19, 502},
    ErrorTraits{kProviderApi, "ProviderAPIError", 20, 502},
    ErrorTraits{kGeneration, "GenerationError", 21, 500},
    ErrorTraits{kRequestTimeout, "RequestTimeoutError", 22, 504},
    ErrorTraits{kContentFilter, "ContentFilterError", 23, 400},
    ErrorTraits{kUnsupportedFeature, "UnsupportedFeatureError", 24, 400},
    ErrorTraits{kUnsupportedOperation, "UnsupportedOperationError", 25, 501},
    ErrorTraits{kImageProcessing, "ImageProcessingError", 26, 400},
    ErrorTraits{kFileProcessing, "FileProcessingError", 27, 400},
    ErrorTraits{kResourceExceeded, "ResourceExceededError", 28, 503},
    ErrorTraits{kMemoryExceeded, "MemoryExceededError", 29, 503},
    ErrorTraits{kCancelled, "CancelledError", 130, 499},
    ErrorTraits{kInternal, "InternalError", 70, 500},
};

static_assert(kTable.size() == static_cast<std::size_t>(kInternal) + 1);

template <typename Typed>
[[noreturn]] void throw_as(const Error& error) {
  Typed typed(error.message(), error.hint(), error.provider());
  typed.set_service(error.service());
  throw typed;
}

template <std::size_t kRow = 0>
[[noreturn]] void throw_as_row(const Error& error) {
  if constexpr (kRow == kTable.size()) {
    throw Error(error);
  } else {
    if (error.code() != kTable[kRow].code) throw_as_row<kRow + 1>(error);
    constexpr ErrorCode kCode = kTable[kRow].code;
    if constexpr (kCode == kInvalidParameter ||
                  kCode == kContextWindowExceeded) {
      throw_as<TypedError<kCode, InvalidRequestError>>(error);
    } else if constexpr (kCode == kMemoryExceeded) {
      throw_as<MemoryExceededError>(error);
    } else {
      throw_as<TypedError<kCode>>(error);
    }
  }
}

}  // namespace

const ErrorTraits& error_traits(ErrorCode code) noexcept {
  return kTable[static_cast<std::size_t>(code)];
}

Error::Error(ErrorCode code, const std::string& message, std::string hint,
             std::string provider)
    : std::runtime_error(message),
      code_(code),
      hint_(std::move(hint)),
      provider_(std::move(provider)) {}

Error::~Error() = default;

void throw_error(const Error& error) { throw_as_row(error); }

}  // namespace abstractllm
