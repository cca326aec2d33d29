// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace abstractllm::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Fault, IsReadFromEveryShape) {
  const ServiceFault openai = read_fault(
      std::string_view(R"({"error":{"message":"m","type":"t","code":"c"}})"));
  EXPECT_EQ(openai.message, "m");
  EXPECT_EQ(openai.type, "t");
  EXPECT_EQ(openai.code, "c");
  const ServiceFault anthropic = read_fault(std::string_view(
      R"({"type":"error","error":{"type":"t","message":"m"},"request_id":"r"})"));
  EXPECT_EQ(anthropic.type, "t");
  EXPECT_EQ(anthropic.request_id, "r");
  for (const char* body :
       {R"({"error":"m"})", R"({"detail":"m"})", R"({"message":"m"})",
        R"({"detail":[{"loc":["body"],"msg":"m"}]})", "m",
        R"({"object":"error","message":"m","code":400})"}) {
    EXPECT_EQ(read_fault(std::string_view(body)).message, "m") << body;
  }
  EXPECT_EQ(read_fault(std::string_view("")).message, "");
  EXPECT_EQ(read_fault(std::string_view("[1]")).message, "[1]");
}

TEST(Fault, WordsAreNoKeys) {
  const auto shown = [](std::string_view text) {
    return read_fault(text).message;
  };
  EXPECT_EQ(shown("task-identifiers and disk-encryption of sk-learn"),
            "task-identifiers and disk-encryption of sk-learn");
  EXPECT_EQ(shown("no Bearer token"), "no Bearer token");
  EXPECT_EQ(shown("key (sk-abcdefgh12) is bad"), "key (<key>) is bad");
}

TEST(Fault, IsReadFromAStream) {
  for (const char* body :
       {"data: {\"error\": {\"message\": \"m\", \"code\": 503}}\n\n"
        "data: [DONE]\n\n",
        "event: error\r\ndata: {\"type\":\"error\",\"error\":"
        "{\"message\":\"m\"}}"}) {
    EXPECT_EQ(read_fault(std::string_view(body)).message, "m") << body;
  }
  EXPECT_EQ(read_fault(std::string_view("data: x")).message, "data: x");
}

TEST(Fault, AnUnknownModelMayComeAsABadRequest) {
  for (const char* words :
       {"x is not a valid model ID", "Invalid model name passed in model=x"}) {
    const FaultContext context{.provider = "p", .model = "x", .status = 400};
    EXPECT_EQ(service_error({.message = words}, context).code(),
              ErrorCode::kModelNotFound);
    // Of a list of models there is none to name.
    EXPECT_EQ(
        service_error({.message = words}, {.provider = "p", .status = 400})
            .code(),
        ErrorCode::kInvalidRequest);
  }
}

TEST(Fault, IsOneCleanShortLineWithoutKeys) {
  const ServiceFault fault = read_fault(std::string_view(
      "a\nb\x1B[31m\xFF Incorrect key: sk-abc123def, Bearer xyz9."));
  EXPECT_EQ(fault.message.find('\n'), std::string::npos);
  EXPECT_EQ(fault.message.find('\x1B'), std::string::npos);
  EXPECT_THAT(fault.message, Not(HasSubstr("abc123")));
  EXPECT_THAT(fault.message, Not(HasSubstr("xyz9")));
  EXPECT_LE(read_fault(std::string_view(std::string(5000, 'x'))).message.size(),
            500U);
}

TEST(Fault, EveryStatusHasItsTypedError) {
  struct Row {
    int status;
    ErrorCode code;
    bool transient;
  };
  using enum ErrorCode;
  for (const Row& row :
       {Row{400, kInvalidRequest, false}, Row{401, kAuthentication, false},
        Row{402, kQuotaExceeded, false}, Row{403, kAuthentication, false},
        Row{404, kProviderApi, false}, Row{405, kInvalidRequest, false},
        Row{408, kRequestTimeout, true}, Row{409, kProviderApi, true},
        Row{413, kInvalidRequest, false}, Row{422, kInvalidRequest, false},
        Row{429, kQuotaExceeded, true}, Row{500, kProviderApi, true},
        Row{502, kProviderApi, true}, Row{503, kProviderApi, true},
        Row{504, kRequestTimeout, true}, Row{529, kProviderApi, true},
        Row{302, kProviderApi, false}}) {
    const Error error =
        service_error({.message = "said"}, {"p", "m", row.status, {}});
    EXPECT_EQ(error.code(), row.code) << row.status;
    EXPECT_EQ(error.service().transient, row.transient) << row.status;
    EXPECT_EQ(error.service().http_status, row.status);
    EXPECT_THAT(error.message(), HasSubstr(std::to_string(row.status)));
    EXPECT_THAT(error.message(), HasSubstr("said"));
    EXPECT_FALSE(error.hint().empty());
    EXPECT_EQ(error.provider(), "p");
  }
}

TEST(Fault, WhatTheServiceCallsItCountsMoreThanTheStatus) {
  const auto error_of = [](ServiceFault fault, int status) {
    return service_error(fault, {"p", "m", status, {}});
  };
  using enum ErrorCode;
  EXPECT_EQ(error_of({.code = "model_not_found", .message = "x"}, 400).code(),
            kModelNotFound);
  EXPECT_EQ(error_of({.code = "model_not_found", .message = "The model m"}, 404)
                .code(),
            kModelNotFound);
  EXPECT_EQ(error_of({.type = "not_found_error", .message = "m"}, 404).code(),
            kModelNotFound);
  EXPECT_EQ(error_of({.code = "context_length_exceeded"}, 400).code(),
            kContextWindowExceeded);
  EXPECT_EQ(error_of({.message = "prompt is too long: 9 tokens"}, 400).code(),
            kContextWindowExceeded);
  EXPECT_EQ(error_of({.code = "content_filter"}, 400).code(), kContentFilter);
  EXPECT_EQ(error_of({.code = "unsupported_parameter"}, 400).code(),
            kInvalidParameter);
  const Error used_up = error_of({.code = "insufficient_quota"}, 429);
  EXPECT_EQ(used_up.code(), kQuotaExceeded);
  EXPECT_FALSE(used_up.service().transient);
  EXPECT_EQ(error_of({.code = "503"}, 0).service().http_status, 503);
}

TEST(Fault, RequestIdsComeFromHeadersAndBodies) {
  const Error header =
      service_error({}, {"p", "m", 500, {{"X-Request-Id", "req_1"}}});
  EXPECT_EQ(header.service().request_id, "req_1");
  EXPECT_THAT(header.message(), HasSubstr("req_1"));
  const Error body = service_error({.request_id = "req_2"},
                                   {"p", "m", 500, {{"request-id", "x"}}});
  EXPECT_EQ(body.service().request_id, "req_2");
}

TEST(Fault, RetryAfterIsReadInEveryForm) {
  EXPECT_EQ(retry_after({{"Retry-After", "3"}}, 0), 3.0);
  EXPECT_EQ(retry_after({{"retry-after", "1.5"}}, 0), 1.5);
  EXPECT_EQ(retry_after({{"retry-after-ms", "250"}, {"retry-after", "9"}}, 0),
            0.25);
  EXPECT_EQ(retry_after({{"retry-after", "Thu, 01 Jan 1970 00:01:40 GMT"}}, 40),
            60.0);
  EXPECT_EQ(
      retry_after({{"retry-after", "Thu, 01 Jan 1970 00:01:40 GMT"}}, 400),
      0.0);
  EXPECT_EQ(retry_after({{"retry-after", "soon"}}, 0), std::nullopt);
  EXPECT_EQ(retry_after({{"retry-after", "-1"}}, 0), std::nullopt);
  EXPECT_EQ(retry_after({}, 0), std::nullopt);
}

}  // namespace
}  // namespace abstractllm::providers
