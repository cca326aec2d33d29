// Every fault of a service, for every remote provider: one typed error, with
// what the service said and without the key.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "abstractllm/error.h"
#include "base/log.h"
#include "contract/wire_script.h"

namespace abstractllm::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Faults : public ::testing::TestWithParam<WireScript> {
 protected:
  struct Outcome {
    std::string text;
    std::optional<Error> error;
    std::optional<Finished> finished;
    int terminal_events = 0;
  };

  Outcome ask(const ConnectionOptions& options = {}) {
    Outcome outcome;
    const auto llm = provider_at(GetParam(), server, options);
    Request request;
    request.messages = {Message::user("Hi")};
    llm->stream(request, [&](const Event& event) {
      if (is_terminal(event)) ++outcome.terminal_events;
      if (const auto* text = std::get_if<TextDelta>(&event)) {
        outcome.text += text->text;
      } else if (const auto* failed = std::get_if<Failed>(&event)) {
        outcome.error = failed->error;
      } else if (const auto* finished = std::get_if<Finished>(&event)) {
        outcome.finished = *finished;
      }
      return true;
    });
    EXPECT_EQ(outcome.terminal_events, 1);
    return outcome;
  }

  Error error_of(Reply reply, const ConnectionOptions& options = {}) {
    server.enqueue(std::move(reply));
    const Outcome outcome = ask(options);
    if (!outcome.error) {
      ADD_FAILURE() << "no error";
      return InternalError("none");
    }
    EXPECT_EQ(outcome.error->provider(), GetParam().provider);
    EXPECT_THAT(outcome.error->message() + outcome.error->hint(),
                Not(HasSubstr(kTestKey)));
    EXPECT_FALSE(outcome.error->hint().empty());
    return *outcome.error;
  }

  Reply fault(int status, const std::string& type = "",
              const std::string& message = "said so") {
    return Reply(status)
        .header("X-Request-Id", "req_7")
        .json(GetParam().fault(type, message));
  }

  HttpServer server;
};

TEST_P(Faults, EveryErrorStatusIsItsTypedError) {
  struct Row {
    int status;
    ErrorCode code;
    bool transient;
  };
  using enum ErrorCode;
  for (const Row& row :
       {Row{400, kInvalidRequest, false}, Row{401, kAuthentication, false},
        Row{403, kAuthentication, false}, Row{408, kRequestTimeout, true},
        Row{429, kQuotaExceeded, true}, Row{500, kProviderApi, true},
        Row{529, kProviderApi, true}}) {
    const Error error = error_of(fault(row.status));
    EXPECT_EQ(error.code(), row.code) << row.status;
    EXPECT_EQ(error.service().transient, row.transient) << row.status;
    EXPECT_EQ(error.service().http_status, row.status);
    EXPECT_EQ(error.service().request_id, "req_7");
    EXPECT_THAT(error.message(), HasSubstr("said so"));
  }
}

TEST_P(Faults, RetryAfterIsReported) {
  EXPECT_EQ(
      error_of(fault(429).header("Retry-After", "2.5")).service().retry_after,
      2.5);
}

TEST_P(Faults, AnUnknownModelIsAnsweredWithTheOnesThereAre) {
  server.enqueue(fault(404, "not_found_error", "model 'alpha' not found"));
  server.enqueue(Reply().json(GetParam().models()));
  const Outcome outcome = ask();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kModelNotFound);
  EXPECT_THAT(outcome.error->hint(), HasSubstr("alpha"));
  EXPECT_THAT(outcome.error->hint(), HasSubstr("beta"));
}

TEST_P(Faults, AnEchoedKeyIsMasked) {
  const Error error =
      error_of(fault(401, "", std::string("Incorrect key: ") + kTestKey + "."));
  EXPECT_EQ(error.code(), ErrorCode::kAuthentication);
}

TEST_P(Faults, AnErrorPageThatIsNoJsonIsQuoted) {
  const Error error =
      error_of(Reply(502).body("<html>Bad gateway</html>", "text/html"));
  EXPECT_EQ(error.code(), ErrorCode::kProviderApi);
  EXPECT_THAT(error.message(), HasSubstr("Bad gateway"));
}

TEST_P(Faults, MalformedJsonIsAnApiError) {
  const std::string bad =
      GetParam().is_lines ? "{\"message\":oops}\n" : "data: {\"x\":oops}\n\n";
  EXPECT_EQ(error_of(stream_reply(GetParam(), bad)).code(),
            ErrorCode::kProviderApi);
}

TEST_P(Faults, APageInThePlaceOfAStreamIsAnError) {
  const Error error =
      error_of(Reply().body("<html>Welcome</html>\n", "text/html"));
  EXPECT_THAT(error.code(),
              AnyOf(ErrorCode::kProviderApi, ErrorCode::kProviderConnection));
}

TEST_P(Faults, AStreamThatEndsAtAnyByteBeforeItsEndIsAnError) {
  const std::string stream = GetParam().text({"Hello"});
  // Everything up to the last event is needed; what follows it is not.
  const std::size_t text_end = stream.find("Hello") + 5;
  for (std::size_t cut = 0; cut < text_end; cut += 5) {
    server.enqueue(stream_reply(GetParam(), stream.substr(0, cut)));
    const Outcome outcome = ask();
    ASSERT_TRUE(outcome.error) << cut;
    EXPECT_EQ(outcome.error->code(), ErrorCode::kProviderConnection) << cut;
    EXPECT_TRUE(outcome.error->service().transient);
  }
}

TEST_P(Faults, AStreamSplitAtEveryByteIsTheSame) {
  Reply reply = GetParam().is_lines ? Reply().ndjson() : Reply().sse();
  server.enqueue(reply.bytes_of(GetParam().text({"Caf\xC3\xA9", " au lait"})));
  const Outcome outcome = ask();
  EXPECT_EQ(outcome.text, "Caf\xC3\xA9 au lait");
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->usage.completion_tokens, 7);
}

TEST_P(Faults, LineEndsCommentsAndLinesOfDataAreTheSame) {
  std::string stream = GetParam().text({"Hello", " there"});
  std::string changed;
  for (const char c : stream) changed += c == '\n' ? "\r\n" : std::string(1, c);
  if (!GetParam().is_lines) {
    changed = "\xEF\xBB\xBF: keep-alive\r\n\r\n" + changed;
    // One event's data over two lines, at a place where JSON has a space.
    const std::size_t comma = changed.find(',', changed.find("data: {"));
    changed.insert(comma + 1, "\r\ndata: ");
  }
  server.enqueue(stream_reply(GetParam(), changed));
  const Outcome outcome = ask();
  EXPECT_FALSE(outcome.error) << outcome.error->message();
  EXPECT_EQ(outcome.text, "Hello there");
}

TEST_P(Faults, AHugeEventArrivesWhole) {
  const std::string text(3 << 20, 'x');
  server.enqueue(stream_reply(GetParam(), GetParam().text({text})));
  EXPECT_EQ(ask().text.size(), text.size());
}

TEST_P(Faults, AnErrorWithinTheStreamFollowsWhatCameBefore) {
  server.enqueue(stream_reply(GetParam(), GetParam().mid_stream_error()));
  const Outcome outcome = ask();
  EXPECT_EQ(outcome.text, "half");
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kProviderApi);
  EXPECT_TRUE(outcome.error->service().transient);
  EXPECT_EQ(outcome.error->service().request_id, "req_7");
  EXPECT_THAT(outcome.error->message(), HasSubstr("is overloaded"));
}

TEST_P(Faults, ADisconnectIsAConnectionError) {
  const std::string stream = GetParam().text({"Hello"});
  const std::size_t end = stream.find("Hello") + 8;
  server.enqueue(stream_reply(GetParam(), stream.substr(0, end)).disconnect());
  const Outcome outcome = ask();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kProviderConnection);
}

TEST_P(Faults, NobodyListeningIsAConnectionError) {
  ProviderConfig config;
  config.model = "alpha";
  config.connection.base_url =
      "http://127.0.0.1:" + std::to_string(closed_port());
  config.connection.api_key = kTestKey;
  const auto llm = create_llm(GetParam().provider, config);
  try {
    llm->generate("Hi");
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_TRUE(error.service().transient);
    EXPECT_THAT(error.hint(), HasSubstr("running"));
  }
}

TEST_P(Faults, AServerThatIsNotTrustedIsAConnectionErrorThatLasts) {
  HttpServer secure({.tls = true});
  const auto llm = provider_at(GetParam(), secure);
  try {
    llm->generate("Hi");
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_FALSE(error.service().transient);
    EXPECT_THAT(error.hint(), HasSubstr("ca_file"));
  }
  secure.enqueue(stream_reply(GetParam(), GetParam().text({"Hi"})));
  const auto trusting =
      provider_at(GetParam(), secure, {.ca_file = secure.ca_file()});
  EXPECT_EQ(trusting->generate("Hi").content, "Hi");
}

TEST_P(Faults, EachTimeOutIsATimeOut) {
  EXPECT_EQ(error_of(Reply().hang(), {.first_byte_timeout = 0.04}).code(),
            ErrorCode::kRequestTimeout);
  const std::string stream = GetParam().text({"Hello"});
  EXPECT_EQ(error_of(stream_reply(GetParam(), stream.substr(0, 20)).hang(),
                     {.idle_timeout = 0.04})
                .code(),
            ErrorCode::kRequestTimeout);
  Reply drip =
      stream_reply(GetParam(), GetParam().is_lines ? "" : stream.substr(0, 1));
  for (int i = 0; i < 200; ++i) {
    drip.chunk(GetParam().is_lines ? "\n" : ": \n")
        .delay(std::chrono::milliseconds(5));
  }
  const Error slow = error_of(drip, {.total_timeout = 0.06});
  EXPECT_EQ(slow.code(), ErrorCode::kRequestTimeout);
  EXPECT_TRUE(slow.service().transient);
}

TEST_P(Faults, TheKeyIsInNoLogLineAndNoError) {
  std::mutex mutex;
  std::string log;
  base::set_log(base::LogLevel::kDebug,
                [&](base::LogLevel, std::string_view, std::string_view line) {
                  const std::lock_guard lock(mutex);
                  log.append(line).append("\n");
                });
  server.enqueue(stream_reply(GetParam(), GetParam().text({"Hi"})));
  ask();
  error_of(fault(401, "", std::string("bad: ") + kTestKey));
  error_of(fault(500));
  base::set_log(base::LogLevel::kOff, {});
  EXPECT_THAT(log, HasSubstr("POST"));
  EXPECT_THAT(log, Not(HasSubstr(kTestKey)));
  EXPECT_THAT(log, Not(HasSubstr("Hi"))) << "nor what was said";
  const auto seen = server.requests().at(0);
  EXPECT_THAT(seen.header("authorization") + seen.header("x-api-key"),
              HasSubstr(kTestKey))
      << "but the service gets it";
}

INSTANTIATE_TEST_SUITE_P(
    Remote, Faults, ::testing::ValuesIn(wire_scripts()),
    [](const ::testing::TestParamInfo<WireScript>& script) {
      std::string name = script.param.provider;
      std::erase_if(name, [](char c) { return c == '-'; });
      return name;
    });

}  // namespace
}  // namespace abstractllm::test
