// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using nlohmann::json;
using test::Script;

class Commands : public CliTest {
 protected:
  void enqueue_timed(double seconds) {
    Finished finished;
    finished.reason = FinishReason::kLength;
    finished.timings = {0, seconds, seconds + 1, seconds};
    model->enqueue(Script().text("a").text("b").text("c").event(finished));
  }
};

TEST_F(Commands, ShowAlignsWhatAModelSaysOfItself) {
  description.emplace_back("chat_template", "two\nlines");
  const RunResult result = run({"show", "m"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "architecture    llama\n"
            "context_length  2048\n"
            "chat_template   two\n"
            "                lines\n");
  EXPECT_EQ(described, std::vector<std::string>{"m"});
  EXPECT_TRUE(opened.empty());
}

TEST_F(Commands, ShowAsJsonKeepsTheOrder) {
  EXPECT_EQ(run({"show", "m", "--json"}).out,
            "{\n  \"architecture\": \"llama\",\n"
            "  \"context_length\": \"2048\"\n}\n");
}

TEST_F(Commands, ShowAsksAnotherProviderItself) {
  EXPECT_EQ(run({"show", "openai/gpt"}).out,
            "architecture    scripted\ncontext_length  4096\n");
}

TEST_F(Commands, ShowReportsWhatIsWrongWithAModel) {
  open_error.emplace(ErrorCode::kModelNotFound, "[hub] none", "Look.");
  EXPECT_EQ(run({"show", "m"}).exit_code, 14);
}

TEST_F(Commands, ListIsATableOrJsonOrIds) {
  local_models = {{"org/big", "/models/org/big", "safetensors", 2'500'000'000,
                   "huggingface", "llama"},
                  {"tiny", "/models/tiny.gguf", "gguf", 98'000'000, "ollama",
                   "granitemoehybrid"}};
  EXPECT_EQ(
      run({"list"}).out,
      "ID       FORMAT            SIZE  ARCHITECTURE      SOURCE       PATH\n"
      "org/big  safetensors     2.5 GB  llama             huggingface  "
      "/models/org/big\n"
      "tiny     gguf           98.0 MB  granitemoehybrid  ollama       "
      "/models/tiny.gguf\n");
  EXPECT_EQ(run({"list", "--ids"}).out, "org/big\ntiny\n");
  EXPECT_EQ(json::parse(run({"list", "--json"}).out)[1],
            json::parse(R"({"id": "tiny", "format": "gguf",
                "bytes": 98000000, "architecture": "granitemoehybrid",
                "source": "ollama", "path": "/models/tiny.gguf"})"));
}

TEST_F(Commands, RemovesAModelAfterAYes) {
  const RunResult asked = run({"rm", "m"});
  EXPECT_EQ(asked.exit_code, 15);
  EXPECT_THAT(asked.err, testing::HasSubstr("--yes"));
  EXPECT_TRUE(removed.empty());
  const RunResult result = run({"rm", "m", "--yes"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(removed, testing::ElementsAre("m"));
  EXPECT_THAT(result.err, testing::HasSubstr("removed m, 2.0 MB"));
}

TEST_F(Commands, AsksAtATerminalBeforeItRemoves) {
  err_is_terminal = true;
  const RunResult no = run_at_terminal({"rm", "m"});
  EXPECT_EQ(no.exit_code, 1);
  EXPECT_THAT(no.err, testing::AllOf(testing::HasSubstr("/models/m"),
                                     testing::HasSubstr("Remove m, 2.0 MB?")));
  EXPECT_TRUE(removed.empty());
}

TEST_F(Commands, DoctorSaysItsTablesNotesAndVerdict) {
  diagnosis.sections = {{"Machine", {{"device", "cpu"}, {"cores", "2"}}}};
  diagnosis.notes = {"slow"};
  diagnosis.verdict = Verdict::kRunsWithNotes;
  diagnosis.json = "{\"verdict\": \"runs_with_notes\"}";
  const RunResult result = run({"doctor", "m"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "Machine\n  device  cpu\n  cores   2\n\nnote: slow\n"
            "verdict: runs, with notes\n");
  ASSERT_EQ(diagnosed.size(), 1u);
  EXPECT_EQ(diagnosed[0].model, "m");
  EXPECT_EQ(diagnosed[0].kv_cache_type, "auto");
  run({"doctor", "m", "--kv-type", "int8", "--context-length", "4096"});
  EXPECT_EQ(diagnosed[1].kv_cache_type, "int8");
  EXPECT_EQ(diagnosed[1].context_length, 4096);
  EXPECT_EQ(run({"doctor", "--json"}).out, diagnosis.json + "\n");
  diagnosis.verdict = Verdict::kDoesNotRun;
  diagnosis.reason = "too large";
  const RunResult unfit = run({"doctor", "m"});
  EXPECT_EQ(unfit.exit_code, 1);
  EXPECT_THAT(unfit.out,
              testing::HasSubstr("verdict: does not run: too large\n"));
  EXPECT_EQ(run({"doctor", "openai/m"}).exit_code, 2);
}

TEST_F(Commands, AnEmptyListIsEmptyAndSaysSoBesideIt) {
  const RunResult result = run({"list"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("no models"), std::string::npos);
  EXPECT_EQ(run({"list", "--json"}).out, "[]\n");
}

TEST_F(Commands, TokenizeShowsIdsAndTexts) {
  EXPECT_EQ(run({"tokenize", "m", "a\n"}).out, "     97  a\n     10  \\n\n");
  EXPECT_EQ(run({"tokenize", "m", "--ids"}, "ab").out, "97 98\n");
  EXPECT_EQ(
      json::parse(run({"tokenize", "m", "a", "--json"}).out),
      json::parse(R"({"count": 1, "tokens": [{"id": 97, "text": "a"}]})"));
  EXPECT_EQ(run({"tokenize", "m", "", "--ids"}).out, "\n");
}

TEST_F(Commands, TokenizeDecodesIds) {
  EXPECT_EQ(run({"tokenize", "m", "--decode", "[104, 105]"}).out, "hi");
  EXPECT_EQ(run({"tokenize", "m", "--decode"}, "104 105\n").out, "hi");
  EXPECT_EQ(
      json::parse(run({"tokenize", "m", "--decode", "--json", "104"}).out),
      json::parse(R"({"text": "h"})"));
}

TEST_F(Commands, TokenizeRefusesWhatIsNoIdBeforeItLoadsAModel) {
  for (const char* text : {"12a", "x", "-3", "99999999999", "1.5"}) {
    const RunResult result = run({"tokenize", "m", "--decode", "--", text});
    EXPECT_EQ(result.exit_code, 15) << text;
  }
  EXPECT_EQ(run({"tokenize", "m"}, "\xFF").exit_code, 15);
  EXPECT_TRUE(opened.empty());
}

TEST_F(Commands, BenchReportsMediansAndSpread) {
  enqueue_timed(9);  // the warm-up, not counted
  for (const double seconds : {1.0, 4.0, 2.0}) enqueue_timed(seconds);
  const RunResult result =
      run({"bench", "m", "--prompt-tokens", "8", "--max-tokens", "3",
           "--repeat", "3", "--json", "--threads", "2"});
  EXPECT_EQ(result.err, "");
  ASSERT_EQ(result.exit_code, 0);
  const json report = json::parse(result.out);
  EXPECT_EQ(report["prefill_tokens_per_second"], 4.0);
  EXPECT_EQ(report["decode_tokens_per_second"], 1.0);
  EXPECT_EQ(report["time_to_first_token_seconds"], 3.0);
  EXPECT_GT(report["peak_memory_bytes"], 1'000'000);
  EXPECT_EQ(report["details"]["prefill_tokens_per_second"]["lowest"], 2.0);
  EXPECT_EQ(report["details"]["prefill_tokens_per_second"]["highest"], 8.0);
  EXPECT_EQ(report["details"]["prefill_tokens_per_second"]["runs"].size(), 3u);
}

TEST_F(Commands, BenchSendsSeededPromptsOfExactLength) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3; ++i) enqueue_timed(1);
    ASSERT_EQ(run({"bench", "m", "--prompt-tokens", "300", "--max-tokens", "3",
                   "--repeat", "2"})
                  .exit_code,
              0);
  }
  const auto requests = model->requests();
  ASSERT_EQ(requests.size(), 6u);
  for (const Request& request : requests) {
    ASSERT_TRUE(request.prompt_token_ids);
    EXPECT_EQ(request.prompt_token_ids->size(), 300u);
    EXPECT_EQ(request.parameters.temperature, 0);
    EXPECT_EQ(request.parameters.ignore_eos, true);
    EXPECT_EQ(request.parameters.max_tokens, 3);
  }
  EXPECT_EQ(requests[1].prompt_token_ids, requests[4].prompt_token_ids);
  EXPECT_NE(requests[1].prompt_token_ids, requests[2].prompt_token_ids);
  EXPECT_NE(requests[0].prompt_token_ids, requests[1].prompt_token_ids);
}

TEST_F(Commands, BenchPrintsATableForPeople) {
  for (int i = 0; i < 2; ++i) enqueue_timed(1);
  const RunResult result =
      run({"bench", "m", "--prompt-tokens", "8", "--repeat", "1"});
  for (const char* name : {"prefill", "decode", "time to first token",
                           "peak memory", "tokens/s"}) {
    EXPECT_NE(result.out.find(name), std::string::npos) << result.out;
  }
}

TEST_F(Commands, BenchSaysWhereADecodeStepGoes) {
  Finished finished;
  finished.timings = {.prefill_seconds = 1,
                      .decode_seconds = 8,  // of two steps
                      .decode_build_seconds = 0.5,
                      .decode_kernel_seconds = 6,
                      .decode_sampling_seconds = 1};
  for (int i = 0; i < 2; ++i) {
    model->enqueue(Script().text("a").text("b").text("c").event(finished));
  }
  const std::vector<std::string> bench{"bench", "m",        "--repeat",
                                       "1",     "--warmup", "0"};
  std::vector<std::string> with_json = bench;
  with_json.emplace_back("--json");
  const json step = json::parse(run(with_json).out)["decode_step"];
  EXPECT_EQ(step["seconds"], 4.0);
  EXPECT_EQ(step["kernel_seconds"], 3.0);
  EXPECT_EQ(step["build_seconds"], 0.25);
  EXPECT_EQ(step["sampling_seconds"], 0.5);
  EXPECT_EQ(step["dispatch_seconds"], 0.25);
  EXPECT_EQ(step["host_share"], 0.25);
  EXPECT_NE(run(bench).out.find("kernels 3000.000, graph 250.000, dispatch "
                                "250.000, sampling 500.000; 25.0 % outside"),
            std::string::npos);
}

TEST_F(Commands, BenchOfAModelThatDoesNotTellHasNoStep) {
  enqueue_timed(1);
  const json report = json::parse(
      run({"bench", "m", "--repeat", "1", "--warmup", "0", "--json"}).out);
  EXPECT_FALSE(report.contains("decode_step"));
}

TEST_F(Commands, BenchOfSeveralAtOnceAsksAgainForComputedPrompts) {
  for (int i = 0; i < 6; ++i) enqueue_timed(2);
  const RunResult result =
      run({"bench", "m", "--prompt-tokens", "8", "--max-tokens", "3",
           "--repeat", "1", "--warmup", "0", "--concurrency", "3", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["concurrency"], 3);
  EXPECT_EQ(report["prefill_tokens_per_second"], 4.0);
  EXPECT_EQ(report["time_to_first_token_seconds"], 3.0);
  // By the clock of the test, not by what the answers say.
  EXPECT_GT(report["decode_tokens_per_second"], 10.0);

  const auto requests = model->requests();
  ASSERT_EQ(requests.size(), 6u);
  std::vector<std::vector<std::int32_t>> computed;
  std::vector<std::vector<std::int32_t>> asked;
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(requests[i].parameters.max_tokens, i < 3 ? 1 : 3);
    (i < 3 ? computed : asked).push_back(*requests[i].prompt_token_ids);
  }
  EXPECT_THAT(asked, testing::UnorderedElementsAreArray(computed));
  EXPECT_NE(computed[0], computed[1]);
  EXPECT_NE(computed[1], computed[2]);
}

TEST_F(Commands, BenchRefusesAnAnswerWithNothingToMeasure) {
  for (int i = 0; i < 2; ++i) model->enqueue("one");
  EXPECT_EQ(run({"bench", "m", "--repeat", "1"}).exit_code, 21);
}

TEST_F(Commands, EvalGivesThePerplexity) {
  const std::string file = folder.file("text.txt", "12345");
  const RunResult result = run({"eval", "--perplexity", file, "m", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["tokens"], 4);
  EXPECT_EQ(report["negative_log_likelihood"], 4.0);
  EXPECT_NEAR(report["perplexity"], std::exp(1.0), 1e-12);
  EXPECT_EQ(json::parse(run({"eval", "--perplexity", file, "m", "--json",
                             "--max-tokens", "3"})
                            .out)["tokens"],
            2);
  EXPECT_EQ(run({"eval", "--perplexity", "-", "m"}, "123").out,
            "tokens                   2\n"
            "negative log-likelihood  2.0000\n"
            "perplexity               2.7183\n");
}

TEST_F(Commands, EvalRefusesATextTooShortToPredict) {
  EXPECT_EQ(run({"eval", "--perplexity", "-", "m"}, "1").exit_code, 15);
  EXPECT_EQ(run({"eval", "--perplexity", "-", "m"}, "ab\xC3").exit_code, 15);
  EXPECT_EQ(
      run({"eval", "--perplexity", (folder.path() / "none").string(), "m"})
          .exit_code,
      27);
}

TEST_F(Commands, VersionIsOneLine) {
  const RunResult result = run({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(result.out.starts_with("allm ")) << result.out;
  EXPECT_EQ(result.out.find('\n'), result.out.size() - 1);
}

}  // namespace
}  // namespace abstractllm::cli
