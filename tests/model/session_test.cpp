// Sessions over the MLX provider on a tiny model.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/tiny_model.h"

namespace abstractllm {
namespace {

using test::open_fixture;

TurnOptions short_answer(double temperature) {
  TurnOptions options;
  options.parameters.temperature = temperature;
  options.parameters.seed = 7;
  options.parameters.max_tokens = 6;
  options.parameters.ignore_eos = true;
  return options;
}

// Acceptance case A5: the second turn goes on from what the first computed.
TEST(MLXSession, A5TheSecondTurnReusesTheFirst) {
  Session chat(open_fixture("text/llama3"));
  const Turn first = chat.send("My name is Alice.", short_answer(0));
  const Turn second = chat.send("What is my name?", short_answer(0));
  EXPECT_EQ(first.response.usage.cached_tokens, 0);
  EXPECT_GE(second.response.usage.cached_tokens,
            first.response.usage.prompt_tokens);
  EXPECT_EQ(chat.count_tokens().value_or(0) > 0, true);
}

// Acceptance case A19: the same seed, or temperature 0, gives the same two
// turns three times.
TEST(MLXSession, A19TwoTurnsRepeat) {
  const std::shared_ptr<AbstractLLMInterface> llm = open_fixture("text/llama3");
  for (const double temperature : {0.0, 1.0}) {
    std::vector<std::vector<Message>> runs;
    for (int i = 0; i < 3; ++i) {
      Session chat(llm);
      chat.send("Hi", short_answer(temperature));
      chat.send("And then?", short_answer(temperature));
      runs.push_back(chat.messages());
    }
    EXPECT_EQ(runs[0], runs[1]) << temperature;
    EXPECT_EQ(runs[0], runs[2]) << temperature;
  }
}

// What the model emitted is what the next prompt has, in other tokens than its
// text would be encoded to.
TEST(MLXSession, EmittedIdsAreReplayed) {
  const auto llm = open_fixture("text/llama3");
  using Ids = std::vector<std::int32_t>;
  const Ids shortest = llm->tokenize("Hello", false);
  Ids emitted;
  for (const char* letter : {"H", "e", "l", "l", "o"}) {
    const Ids ids = llm->tokenize(letter, false);
    emitted.insert(emitted.end(), ids.begin(), ids.end());
  }
  ASSERT_GT(emitted.size(), shortest.size());
  Request request;
  request.messages = {Message::user("Hi"), Message::assistant("Hello"),
                      Message::user("Bye")};
  const int plain = llm->count_tokens(request);
  request.messages[1].token_ids = emitted;
  EXPECT_EQ(llm->count_tokens(request),
            plain + static_cast<int>(emitted.size() - shortest.size()));
  // Ids that say something else are not believed.
  request.messages[1].token_ids = llm->tokenize("Hullo", false);
  EXPECT_EQ(llm->count_tokens(request), plain);
}

}  // namespace
}  // namespace abstractllm
