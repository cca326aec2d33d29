// The program over the engine and a tiny model.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "e2e/model_fixture.h"

namespace abstractllm::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_F(Model, AnswersTheSameGreedilyAndWithASeed) {
  for (const auto& sampling :
       {std::vector<std::string>{"--temperature", "0"}, {"--seed", "7"}}) {
    std::vector<std::string> arguments{"run",          tiny, "Hello",
                                       "--max-tokens", "12", "--ignore-eos"};
    arguments.insert(arguments.end(), sampling.begin(), sampling.end());
    const json one = run_json(arguments);
    const json two = run_json(arguments);
    EXPECT_EQ(one["token_ids"], two["token_ids"]);
    EXPECT_EQ(one["content"], two["content"]);
    EXPECT_EQ(one["token_ids"].size(), 12u);
    EXPECT_EQ(one["finish_reason"], "length");
    EXPECT_EQ(one["usage"]["completion_tokens"], 12);
    EXPECT_EQ(one["provider"], "mlx");
  }
}

TEST_F(Model, PrintsWhatJsonCallsTheContent) {
  const std::vector<std::string> arguments{
      "run", tiny, "Hello", "--max-tokens", "12", "--temperature", "0"};
  std::string content = run_json(arguments)["content"];
  if (!content.ends_with('\n')) content += '\n';
  EXPECT_EQ(run(arguments).out, content);
}

TEST_F(Model, TokenizesAsTheReference) {
  const json reference = json::parse(text_of(kTinyModel / "reference.json"));
  int compared = 0;
  for (const json& entry : reference["tokenizer"]["strings"]) {
    if (++compared > 6) break;
    const std::string text = entry["text"];
    std::ostringstream ids;
    for (const json& id : entry["ids"]) ids << (ids.tellp() ? " " : "") << id;
    EXPECT_EQ(run({"tokenize", tiny, "--ids"}, text).out, ids.str() + "\n");
    std::ostringstream plain;
    for (const json& id : entry["ids_without_special"]) plain << id << ' ';
    EXPECT_EQ(run({"tokenize", tiny, "--decode"}, plain.str()).out, text);
  }
  EXPECT_GT(compared, 3);
}

TEST_F(Model, LogprobsAddUpToWhatEvalSays) {
  // The model's own greedy continuation, scored as a given text.
  const std::string prompt = "Hello world";
  const json answer =
      run_json({"run", tiny, "--raw", "--logprobs", "--temperature", "0",
                "--max-tokens", "6", "--ignore-eos"},
               prompt);
  ASSERT_EQ(answer["logprobs"].size(), 6u);
  for (const json& token : answer["logprobs"]) {
    EXPECT_LE(token["logprob"].get<double>(), 0.0);
  }
  const fs::path file = folder.path() / "text";
  std::ofstream(file) << "Hello world, what is the capital of France?";
  const json score = run_json({"eval", "--perplexity", file.string(), tiny});
  EXPECT_GT(score["tokens"].get<int>(), 10);
  EXPECT_NEAR(score["perplexity"].get<double>(),
              std::exp(score["negative_log_likelihood"].get<double>() /
                       score["tokens"].get<int>()),
              1e-6);
  EXPECT_LT(run_json({"eval", "--perplexity", file.string(), tiny,
                      "--max-tokens", "5"})["tokens"],
            5);
}

TEST_F(Model, BenchMeasures) {
  const json report = run_json({"bench", tiny, "--prompt-tokens", "40",
                                "--max-tokens", "8", "--repeat", "2"});
  for (const char* key :
       {"prefill_tokens_per_second", "decode_tokens_per_second",
        "time_to_first_token_seconds", "peak_memory_bytes"}) {
    EXPECT_GT(report[key].get<double>(), 0) << key;
  }
  const json& step = report["decode_step"];
  double parts = 0;
  for (const char* key : {"kernel_seconds", "build_seconds", "sampling_seconds",
                          "dispatch_seconds"}) {
    EXPECT_GT(step[key].get<double>(), 0) << key;
    parts += step[key].get<double>();
  }
  EXPECT_NEAR(parts, step["seconds"].get<double>(), 1e-9);
}

TEST_F(Model, BenchMeasuresSeveralAtOnce) {
  const json report =
      run_json({"bench", tiny, "--prompt-tokens", "20", "--max-tokens", "8",
                "--repeat", "1", "--concurrency", "3"});
  EXPECT_EQ(report["concurrency"], 3);
  EXPECT_GT(report["decode_tokens_per_second"].get<double>(), 0);
}

TEST_F(Model, ShowAndListKnowIt) {
  const json shown = run_json({"show", tiny});
  EXPECT_EQ(shown["architecture"], "llama");
  EXPECT_EQ(shown["context_length"], "512");
  EXPECT_EQ(run_json({"list"}), json::array());
  fs::create_directory(folder.path() / "models");
  copied_model("models/mine");
  EXPECT_EQ(run({"list", "--ids"}).out, "mine\n");
  EXPECT_EQ(run({"run", "mine", "hi", "--max-tokens", "2"}).exit_code, 0);
}

TEST_F(Model, BadInputIsOneLineAndAHint) {
  expect_refusal(run({"run", "no-such-model", "hi"}), 14, "no-such-model");
  expect_refusal(run({"run", tiny, ""}), 15, "empty");
  expect_refusal(run({"run", tiny, "ab\xFF"}), 15, "offset 2");
  expect_refusal(run({"run", tiny}, "ab\xFF"), 15, "offset 2");
  expect_refusal(run({"run", tiny, "hi", "--temprature", "1"}), 2,
                 "--temperature");
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "word ";
  expect_refusal(run({"run", tiny}, words), 17, "512");
  expect_refusal(run({"run", tiny, "--messages", tiny + "/none"}), 27,
                 "No such file");
}

TEST_F(Model, DamagedFoldersAreOneLineAndAHint) {
  const fs::path empty = folder.path() / "empty";
  fs::create_directory(empty);
  expect_refusal(run({"run", empty.string(), "hi"}), 18, "config.json");

  const fs::path incomplete = copied_model("incomplete");
  edit_config(incomplete, [](json& config) { config.erase("hidden_size"); });
  expect_refusal(run({"run", incomplete.string(), "hi"}), 18, "hidden_size");

  const fs::path unknown = copied_model("unknown");
  edit_config(unknown, [](json& config) { config["model_type"] = "lama"; });
  expect_refusal(run({"run", unknown.string(), "hi"}), 13, "'llama'");

  const fs::path cut = copied_model("cut");
  fs::resize_file(cut / "model.safetensors",
                  fs::file_size(cut / "model.safetensors") / 2);
  expect_refusal(run({"run", cut.string(), "hi"}), 18, "model.safetensors");
}

TEST_F(Model, AReaderThatGoesAwayEndsItQuietly) {
  Environment variables = environment();
  variables.emplace_back("ALLM", kAllm);
  const Ended ended =
      run_on_pipes({"/bin/bash", "--norc", "-c",
                    "\"$ALLM\" run '" + tiny +
                        "' hi --ignore-eos | head -c 1 >/dev/null; "
                        "echo ${PIPESTATUS[0]}"},
                   {}, variables);
  EXPECT_EQ(ended.out, "141\n");
  EXPECT_EQ(ended.err, "");
}

TEST_F(Model, ThreeHundredTurnsGrowByTheCacheAlone) {
  const auto peak = [this](int turns) {
    std::string lines;
    for (int i = 0; i < turns; ++i) lines += "a question of some words\n";
    const Ended ended =
        run_on_pipes({kAllm, "chat", tiny, "--max-tokens", "3", "--ignore-eos"},
                     lines, freeing_memory(environment()));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return ended.peak_kilobytes;
  };
  // The context of 512 tokens is full after 20 turns.
  const long few = peak(40);
  EXPECT_LT(peak(300), few + 8 * 1024);
}

}  // namespace
}  // namespace abstractllm::test
