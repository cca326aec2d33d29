// The program over the default model, in builds where it has been fetched.
// SPDX-License-Identifier: Apache-2.0
#include "e2e/model_fixture.h"
#include "support/source_folder.h"

namespace abstractllm::test {
namespace {

namespace fs = std::filesystem;

const std::string kDefaultModel = DEFAULT_MODEL;

class DefaultModel : public Model {};

// Acceptance case A3.
TEST_F(DefaultModel, A3KnowsTheCapitalOfFrance) {
  const Ended ended = run({"run", kDefaultModel, "--temperature", "0",
                           "What is the capital of France?"});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.out, "The capital of France is Paris.\n");
  EXPECT_EQ(ended.err, "");
}

// Acceptance case A3: a system prompt changes the answer.
TEST_F(DefaultModel, A3ASystemPromptChangesTheFavouriteFood) {
  const auto answer = [this](std::vector<std::string> system) {
    std::vector<std::string> arguments{"run", kDefaultModel,  "--temperature",
                                       "0",   "--max-tokens", "40"};
    arguments.insert(arguments.end(), system.begin(), system.end());
    arguments.push_back("What is your favourite food?");
    return run(arguments).out;
  };
  const std::string plain = answer({});
  const std::string italian = answer(
      {"--system",
       "You are a chef of Italian cuisine. You only talk about Italian food."});
  EXPECT_EQ(plain.find("Italian"), std::string::npos) << plain;
  EXPECT_NE(italian.find("Italian"), std::string::npos) << italian;
  EXPECT_EQ(answer({}), plain);
}

TEST_F(DefaultModel, RemembersWithinAChat) {
  const Ended ended =
      run({"chat", kDefaultModel, "--temperature", "0", "--max-tokens", "24"},
          "What is the capital of France?\n"
          "What did I ask you about?\n/clear\n");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_TRUE(ended.out.starts_with("The capital of France is Paris.\n"));
}

TEST_F(DefaultModel, CtrlCStopsAnswersAndTheChatGoesOn) {
  // No answer of 8000 tokens ends by itself before Ctrl-C is typed.
  Terminal screen({kAllm, "chat", kDefaultModel, "--ignore-eos"}, 80,
                  environment());
  screen.wait_for("> ");
  // Once while the prompt is computed, once while the answer is shown.
  screen.type("hi\r");
  screen.wait_for("hi\r\n");
  screen.type("\x03");
  screen.wait_for("\r\n> ");
  screen.type("count\r");
  screen.wait_for("count\r\n");
  screen.wait_for(" ");
  screen.type("\x03");
  screen.wait_for("\r\n> ");
  screen.type("/show\r");
  screen.wait_for("messages    ");
  screen.type("/exit\r");
  EXPECT_EQ(screen.wait().exit_code, 0);
}

TEST_F(DefaultModel, PredictsEnglishBetterThanItsReverse) {
  const std::string text =
      text_of(abstractllm::test::source_folder() / "LICENSE");
  const fs::path forward = folder.path() / "forward";
  const fs::path backward = folder.path() / "backward";
  std::ofstream(forward) << text.substr(0, 2000);
  std::string reversed = text.substr(0, 2000);
  std::reverse(reversed.begin(), reversed.end());
  std::ofstream(backward) << reversed;
  const auto perplexity = [this](const fs::path& file) {
    return run_json({"eval", "--perplexity", file.string(), kDefaultModel,
                     "--max-tokens", "200"})["perplexity"]
        .get<double>();
  };
  EXPECT_LT(perplexity(forward) * 10, perplexity(backward));
}

TEST_F(DefaultModel, RoundedActivationsAndCachesPredictAsWell) {
  const std::string text =
      text_of(abstractllm::test::source_folder() / "CONTRIBUTING.md");
  const fs::path file = folder.path() / "text";
  std::ofstream(file) << text;
  const auto perplexity = [&](std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"eval", "--perplexity", file.string(), kDefaultModel});
    return run_json(options)["perplexity"].get<double>();
  };
  const double exact = perplexity({"--cpu-precision", "exact"});
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--cpu-precision", "int8-pair"},
                                             {"--cpu-precision", "int8"},
                                             {"--kv-type", "bf16"},
                                             {"--kv-type", "int8"}}) {
    EXPECT_NEAR(perplexity(options) / exact, 1, 0.005)
        << options[0] << " " << options[1];
  }
}

}  // namespace
}  // namespace abstractllm::test
