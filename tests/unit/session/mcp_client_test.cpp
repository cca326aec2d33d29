// The MCP client over a transport that says what a test wants said when.
// SPDX-License-Identifier: Apache-2.0
#include "session/mcp_client.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "base/utf8.h"

namespace abstractllm::session {
namespace {

using Json = nlohmann::json;

class ScriptedTransport : public McpTransport {
 public:
  ScriptedTransport(std::vector<std::string>& sent, std::string refusal)
      : sent_(sent), refusal_(std::move(refusal)) {}

  // A server that asks at the last moment.
  ~ScriptedTransport() override {
    receiver_(R"({"jsonrpc":"2.0","id":"late","method":"ping"})");
  }

  void open(Receiver receiver) override { receiver_ = std::move(receiver); }

  void send(const std::string& message, Clock::time_point, const CancelToken&,
            const std::function<bool()>&) override {
    sent_.push_back(message);
    const Json request = Json::parse(message);
    if (!request.contains("method") || !request.contains("id")) return;
    Json answer = {{"jsonrpc", "2.0"}, {"id", request["id"]}};
    if (request["method"] == "initialize") {
      answer["result"] = {{"protocolVersion", "2025-06-18"}};
    } else if (base::is_valid_utf8(refusal_)) {
      answer["error"] = {{"code", -32000}, {"message", refusal_}};
    }
    // Bytes that are no UTF-8 go out as they are.
    receiver_(answer.contains("result") || answer.contains("error")
                  ? answer.dump()
                  : R"({"jsonrpc":"2.0","id":)" + request["id"].dump() +
                        R"(,"error":{"code":-1,"message":")" + refusal_ +
                        "\"}}");
  }

 private:
  std::vector<std::string>& sent_;
  const std::string refusal_;
  Receiver receiver_;
};

McpClient client_over(std::vector<std::string>& sent, std::string refusal) {
  return McpClient(
      "test", std::make_unique<ScriptedTransport>(sent, std::move(refusal)),
      std::chrono::milliseconds(20000));
}

TEST(McpClient, APingWhileItClosesIsAnswered) {
  std::vector<std::string> sent;
  { const McpClient client = client_over(sent, "no"); }
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(Json::parse(sent.back()),
            Json::parse(R"({"jsonrpc":"2.0","id":"late","result":{}})"));
}

TEST(McpClient, AnAnswerInAnotherEncodingIsAnAnswer) {
  std::vector<std::string> sent;
  McpClient client = client_over(sent, "gr\xFC\xDF dich");
  try {
    client.list_tools();
    FAIL();
  } catch (const ProviderAPIError& error) {
    EXPECT_NE(error.message().find("gr\xEF\xBF\xBD\xEF\xBF\xBD dich"),
              std::string::npos)
        << error.message();
  }
}

TEST(McpClient, AnAnswerWithoutEndToItsNestingIsNone) {
  std::vector<std::string> sent;
  McpClient client("test",
                   std::make_unique<ScriptedTransport>(
                       sent, "\xFF\",\"data\":" + std::string(200000, '[') +
                                 std::string(200000, ']') + ",\"m\":\""),
                   std::chrono::milliseconds(50));
  EXPECT_THROW(client.list_tools(), RequestTimeoutError);
}

TEST(McpClient, ALongRefusalIsCutBetweenCharacters) {
  std::vector<std::string> sent;
  std::string refusal = "x";
  for (int i = 0; i < 400; ++i) refusal += "\xC3\xA9";
  McpClient client = client_over(sent, refusal);
  try {
    client.list_tools();
    FAIL();
  } catch (const ProviderAPIError& error) {
    EXPECT_TRUE(base::is_valid_utf8(error.message())) << error.message();
    EXPECT_NE(error.message().find("x\xC3\xA9"), std::string::npos);
    EXPECT_LT(error.message().size(), 600u);
  }
}

}  // namespace
}  // namespace abstractllm::session
