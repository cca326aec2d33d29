// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using nlohmann::json;
using test::Gate;
using test::Script;

class Run : public CliTest {};

TEST_F(Run, AnswersAPromptWithTheAnswerAlone) {
  model->enqueue(Script().text("The capital ").text("is Paris."));
  const RunResult result = run({"run", "m", "What is the capital?"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "The capital is Paris.\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(only_request().messages,
            std::vector{Message::user("What is the capital?")});
  EXPECT_EQ(only_request().parameters, GenerationParameters{});
}

TEST_F(Run, DoesNotDoubleALineBreakAtTheEnd) {
  model->enqueue("one\n");
  EXPECT_EQ(run({"run", "m", "p"}).out, "one\n");
}

TEST_F(Run, PutsPipedTextAfterThePromptAndABlankLine) {
  model->enqueue("ok");
  run({"run", "m", "summarise"}, "line one\nline two\n");
  EXPECT_EQ(only_request().messages[0].text(),
            "summarise\n\nline one\nline two");
}

TEST_F(Run, TakesPipedTextAloneAsThePrompt) {
  model->enqueue("ok");
  run({"run", "m"}, "caf\xC3\xA9?\n");
  EXPECT_EQ(only_request().messages[0].text(), "caf\xC3\xA9?");
}

TEST_F(Run, DoesNotReadATerminal) {
  model->enqueue("ok");
  run_at_terminal({"run", "m", "p"});
  EXPECT_EQ(only_request().messages[0].text(), "p");
}

TEST_F(Run, AnswersMayHaveTheFormOfAPatternOrAGrammar) {
  model->enqueue("yes");
  run({"run", "m", "--regex", "(yes|no)", "p"});
  EXPECT_EQ(only_request().response_format,
            (ResponseFormat{.kind = ResponseFormat::Kind::kRegex,
                            .pattern = "(yes|no)"}));
  const std::string file = folder.file("sum.lark", "start: \"a\"");
  model->enqueue("a");
  run({"run", "m", "--grammar", file, "p"});
  EXPECT_EQ(model->requests().at(1).response_format,
            (ResponseFormat{.kind = ResponseFormat::Kind::kGrammar,
                            .grammar = "start: \"a\""}));
  EXPECT_EQ(run({"run", "m", "--grammar", file, "--regex", "a", "p"}).exit_code,
            kExitUsage);
  EXPECT_EQ(run({"run", "m", "--grammar", "/no/such", "p"}).exit_code, 27);
  EXPECT_EQ(run({"run", "m", "--grammar", "", "p"}).exit_code, 27);
  EXPECT_EQ(run({"run", "m", "--schema", "", "p"}).exit_code, 27);
}

TEST_F(Run, SystemPromptTravelsBesideTheMessages) {
  model->enqueue("ok");
  run({"run", "m", "--system", "Be brief.", "p"});
  EXPECT_EQ(only_request().system_prompt, "Be brief.");
}

TEST_F(Run, RawTakesThePromptAsItStands) {
  model->enqueue("ok");
  run({"run", "m", "--raw"}, " Once upon\n");
  EXPECT_EQ(only_request().prompt, " Once upon\n");
  EXPECT_TRUE(only_request().messages.empty());
}

TEST_F(Run, FilesGoBeforeThePrompt) {
  model->enqueue("ok");
  const auto table = folder.path() / "prices.csv";
  const auto picture = folder.path() / "a.png";
  std::ofstream(table) << "a,b\n1,2\n";
  std::ofstream(picture) << "\x89PNG\r\n\x1A\n";
  const RunResult result = run({"run", "m", "--file", table.string(), "--file",
                                picture.string(), "Which is dearer?"});
  EXPECT_EQ(result.err, "");
  const std::vector<Part> parts = only_request().messages.at(0).parts;
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(std::get<TextPart>(parts[0]).text,
            "prices.csv:\n```csv\na,b\n1,2\n```\n\n");
  EXPECT_EQ(std::get<ImagePart>(parts[1]).path, picture.string());
  EXPECT_EQ(std::get<TextPart>(parts[2]).text, "Which is dearer?");
}

TEST_F(Run, AFileThatIsMissingIsSaidBeforeTheModelLoads) {
  const RunResult result = run({"run", "m", "--file", "/no/such.csv", "Hi"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.err.find("/no/such.csv"), std::string::npos);
  EXPECT_TRUE(model->requests().empty());
}

TEST_F(Run, ASchemaIsTheFormOfTheAnswer) {
  model->enqueue("{}");
  const std::string file = folder.file("s.json", R"({"type":"object"})");
  EXPECT_EQ(run({"run", "m", "--schema", file, "--reasoning", "low", "p"}).out,
            "{}\n");
  const Request request = only_request();
  EXPECT_EQ(request.response_format.kind, ResponseFormat::Kind::kJsonSchema);
  EXPECT_EQ(request.response_format.schema, R"({"type":"object"})");
  EXPECT_EQ(request.reasoning_effort, ReasoningEffort::kLow);
}

TEST_F(Run, AJsonAnswerIsAnObject) {
  model->enqueue("{}");
  run({"run", "m", "--json-answer", "p"});
  EXPECT_EQ(only_request().response_format.kind,
            ResponseFormat::Kind::kJsonObject);
}

TEST_F(Run, ToolsAreCalledUntilThereIsAnAnswer) {
  model->enqueue(test::Script().event(
      ToolCall{"c", "calculator", R"({"expression": "6*7"})"}));
  model->enqueue("It is 42.");
  const RunResult result =
      run({"run", "m", "--tool", "calculator", "--system", "S", "6*7?"});
  EXPECT_EQ(result.out, "It is 42.\n");
  EXPECT_NE(result.err.find("result of calculator: 42"), std::string::npos);
  ASSERT_EQ(model->requests().size(), 2U);
  EXPECT_EQ(model->requests()[1].system_prompt, "S");
  EXPECT_EQ(run({"run", "m", "--tool", "calculator", "--raw", "p"}).exit_code,
            2);
}

TEST_F(Run, APromptThatNamesASubcommandIsAPrompt) {
  model->enqueue("ok");
  EXPECT_EQ(run({"run", "m", "chat"}).exit_code, 0);
  EXPECT_EQ(only_request().messages[0].text(), "chat");
}

TEST_F(Run, APromptMayBeginWithADashAfterTwo) {
  model->enqueue("ok");
  EXPECT_EQ(run({"run", "m", "--", "--what is this?"}).exit_code, 0);
  EXPECT_EQ(only_request().messages[0].text(), "--what is this?");
}

TEST_F(Run, RefusesAnEmptyPromptBeforeItLoadsAModel) {
  for (const auto& arguments : {std::vector<std::string>{"run", "m"},
                                {"run", "m", ""},
                                {"run", "m", " \n"},
                                {"run", "m", "--raw", ""}}) {
    const RunResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 15);
    EXPECT_TRUE(result.err.starts_with(
        "allm: error: [run] the prompt is empty\nhint: "))
        << result.err;
  }
  EXPECT_EQ(run_at_terminal({"run", "m"}).exit_code, 15);
  EXPECT_TRUE(opened.empty());
}

TEST_F(Run, NamesTheByteOfAnInputThatIsNotUtf8) {
  const RunResult piped = run({"run", "m", "p"},
                              "abc\xFF"
                              "d");
  EXPECT_EQ(piped.exit_code, 15);
  EXPECT_EQ(piped.err,
            "allm: error: [input] standard input is not UTF-8: byte 0xff at "
            "offset 3\nhint: Convert it first: iconv -f ISO-8859-1 -t UTF-8\n");
  EXPECT_EQ(run({"run", "m", "caf\xE9"}).exit_code, 15);
  EXPECT_EQ(run({"run", "m", "--system", "\xE9", "p"}).exit_code, 15);
  const RunResult wide = run({"run", "m"}, std::string("\xFF\xFEh\0", 4));
  EXPECT_NE(wide.err.find("iconv -f UTF-16"), std::string::npos);
  EXPECT_TRUE(opened.empty());
}

TEST_F(Run, ReadsAWholeConversation) {
  model->enqueue("ok");
  const std::string file = folder.file(
      "c.json",
      R"([{"role": "system", "content": "S"}, {"role": "user", "content": "1"},
          {"role": "assistant", "content": "2"}])");
  EXPECT_EQ(run({"run", "m", "--messages", file, "3"}, "unread").exit_code, 0);
  const Request request = only_request();
  EXPECT_EQ(request.system_prompt, "S");
  EXPECT_EQ(request.messages,
            (std::vector{Message::user("1"), Message::assistant("2"),
                         Message::user("3")}));
}

TEST_F(Run, ReadsAConversationFromStandardInput) {
  model->enqueue("ok");
  run({"run", "m", "--messages", "-"},
      R"({"messages": [{"role": "user", "content": "hi"}]})");
  EXPECT_EQ(only_request().messages, std::vector{Message::user("hi")});
}

TEST_F(Run, RefusesTwoSystemPrompts) {
  const std::string file =
      folder.file("c.json", R"([{"role": "system", "content": "S"},
                                {"role": "user", "content": "1"}])");
  EXPECT_EQ(run({"run", "m", "--messages", file, "--system", "T"}).exit_code,
            15);
  EXPECT_TRUE(opened.empty());
}

TEST_F(Run, SaysWhyAFileCannotBeRead) {
  const RunResult missing =
      run({"run", "m", "--messages", (folder.path() / "none").string()});
  EXPECT_EQ(missing.exit_code, 27);
  EXPECT_NE(missing.err.find("No such file"), std::string::npos);
  EXPECT_EQ(run({"run", "m", "--messages", folder.path().string()}).exit_code,
            27);
}

TEST_F(Run, MapsEveryParameterOption) {
  model->enqueue("ok");
  const RunResult result = run({"run",
                                "m",
                                "p",
                                "--temperature",
                                "0.5",
                                "--top-k=40",
                                "--top-p",
                                "0.9",
                                "--min-p",
                                "0.05",
                                "--typical-p",
                                "0.8",
                                "--repetition-penalty",
                                "1.1",
                                "--presence-penalty",
                                "-0.5",
                                "--frequency-penalty",
                                "0.25",
                                "--repetition-window",
                                "32",
                                "--logit-bias",
                                "5=-3",
                                "--logit-bias",
                                "7=2.5",
                                "--seed",
                                "18446744073709551615",
                                "--stop",
                                "a,b",
                                "--stop",
                                "[c]",
                                "--stop-token-id",
                                "3",
                                "--stop-token-id",
                                "4",
                                "--max-tokens",
                                "100",
                                "--min-tokens",
                                "2",
                                "--ignore-eos",
                                "--logprobs",
                                "--top-logprobs",
                                "3",
                                "--clamp-parameters"});
  EXPECT_EQ(result.err, "");
  GenerationParameters expected;
  expected.temperature = 0.5;
  expected.top_k = 40;
  expected.top_p = 0.9;
  expected.min_p = 0.05;
  expected.typical_p = 0.8;
  expected.repetition_penalty = 1.1;
  expected.presence_penalty = -0.5;
  expected.frequency_penalty = 0.25;
  expected.repetition_window = 32;
  expected.logit_bias = {{5, -3.0}, {7, 2.5}};
  expected.seed = 18446744073709551615u;
  expected.stop = {"a,b", "[c]"};
  expected.stop_token_ids = {3, 4};
  expected.max_tokens = 100;
  expected.min_tokens = 2;
  expected.ignore_eos = true;
  expected.logprobs = true;
  expected.top_logprobs = 3;
  expected.clamp_parameters = true;
  EXPECT_EQ(to_json(only_request().parameters), to_json(expected));
  EXPECT_EQ(only_request().parameters, expected);
}

TEST_F(Run, ARepeatableOptionDoesNotSwallowThePrompt) {
  model->enqueue("ok");
  run({"run", "m", "--stop", "x", "the prompt"});
  EXPECT_EQ(only_request().messages[0].text(), "the prompt");
}

TEST_F(Run, ClampingIsKnownBeforeTheTemperatureIsJudged) {
  model->enqueue("ok");
  EXPECT_EQ(run({"run", "m", "p", "--temperature", "9", "--clamp-parameters"})
                .exit_code,
            0);
}

TEST_F(Run, RefusesABadParameterBeforeItLoadsAModel) {
  for (const char* value : {"nan", "inf", "-1", "2.1", "warm", ""}) {
    const RunResult result = run({"run", "m", "p", "--temperature", value});
    EXPECT_NE(result.exit_code, 0) << value;
    EXPECT_NE(result.err.find("temperature"), std::string::npos) << result.err;
  }
  EXPECT_EQ(run({"run", "m", "p", "--temperature", "2.1"}).exit_code, 16);
  EXPECT_TRUE(opened.empty());
}

TEST_F(Run, MapsEveryEngineOption) {
  model->enqueue("ok");
  run({"run",
       "org/m",
       "p",
       "--threads",
       "3",
       "--cpu-backend",
       "reference",
       "--cpu-exact",
       "--cpu-precision",
       "exact",
       "--kv-type",
       "int8",
       "--context-length",
       "1024",
       "--prefill-chunk",
       "64",
       "--device",
       "cpu",
       "--parallel-sequences",
       "3",
       "--max-queued-requests",
       "7",
       "--kv-cache-bytes",
       "800MB",
       "--adapter",
       "dir",
       "--fuse-adapter",
       "--preset",
       "steady"});
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened_providers[0], "mlx");
  EXPECT_EQ(opened[0].model, "org/m");
  EXPECT_EQ(opened[0].threads, 3);
  EXPECT_EQ(opened[0].cpu_backend, "reference");
  EXPECT_TRUE(opened[0].cpu_exact);
  EXPECT_EQ(opened[0].cpu_precision, "exact");
  EXPECT_EQ(opened[0].kv_cache_type, "int8");
  EXPECT_EQ(opened[0].context_length, 1024);
  EXPECT_EQ(opened[0].prefill_chunk, 64);
  EXPECT_EQ(opened[0].device, "cpu");
  EXPECT_EQ(opened[0].adapter, "dir");
  EXPECT_TRUE(opened[0].fuse_adapter);
  EXPECT_EQ(opened[0].preset, "steady");
  EXPECT_EQ(opened[0].parallel_sequences, 3);
  EXPECT_EQ(opened[0].max_queued_requests, 7);
  EXPECT_EQ(opened[0].kv_cache_bytes, 800'000'000u);
}

TEST_F(Run, SizesAreBytesOrHaveUnits) {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, std::uint64_t>>{
           {"0", 0},
           {"12345", 12345},
           {"2GB", 2'000'000'000},
           {"1 GiB", 1u << 30},
           {"3kb", 3000}}) {
    opened.clear();
    model->enqueue("ok");
    EXPECT_EQ(run({"run", "m", "p", "--kv-cache-bytes", text}).exit_code, 0);
    ASSERT_EQ(opened.size(), 1u) << text;
    EXPECT_EQ(opened[0].kv_cache_bytes, bytes) << text;
  }
}

TEST_F(Run, AKnownProviderMayStandBeforeTheModel) {
  model->enqueue("ok");
  run({"run", "openai/org/m", "p"});
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened_providers[0], "openai");
  EXPECT_EQ(opened[0].model, "org/m");
}

TEST_F(Run, EveryErrorHasItsExitCodeAndItsTwoLines) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    open_error.emplace(code, "[where] what", "Do this.");
    const RunResult at_load = run({"run", "m", "p"});
    EXPECT_EQ(at_load.exit_code, error_traits(code).exit_code);
    EXPECT_EQ(at_load.out, "");
    EXPECT_EQ(at_load.err, "allm: error: [where] what\nhint: Do this.\n");

    open_error.reset();
    model->enqueue(Script().text("partial").fail(Error(code, "[where] what")));
    const RunResult later = run({"run", "m", "p"});
    EXPECT_EQ(later.exit_code, error_traits(code).exit_code);
    EXPECT_EQ(later.out, "partial\n");
    EXPECT_EQ(later.err, "allm: error: [where] what\n");
  }
}

TEST_F(Run, AFailureWithoutTextLeavesStandardOutputEmpty) {
  model->enqueue(Script().fail(GenerationError("[m] no")));
  EXPECT_EQ(run({"run", "m", "p"}).out, "");
}

TEST_F(Run, ErrorsAreOneLineOfUtf8) {
  open_error.emplace(ErrorCode::kModelNotFound,
                     "a\nb\x1b[31m\xFF"
                     "c",
                     "d\re");
  const std::string err = run({"run", "m", "p"}).err;
  EXPECT_TRUE(base::is_valid_utf8(err));
  EXPECT_EQ(err,
            "allm: error: a b [31m\xEF\xBF\xBD"
            "c\nhint: d e\n");
}

TEST_F(Run, JsonHasTheAnswerAndItsDetails) {
  Finished finished;
  finished.reason = FinishReason::kStop;
  finished.stop_text = "END";
  finished.timings = {0.1, 0.2, 0.3, 0.4};
  finished.token_ids = {1, 2};
  TokenLogprob token{1, "\xC3", -0.5, {{1, "\xC3", -0.5}, {9, "x", -1.5}}};
  model->enqueue(Script()
                     .event(ReasoningDelta{"hm"})
                     .event(TextDelta{"hi", {token}})
                     .event(finished));
  const RunResult result = run({"run", "m", "p", "--json", "--logprobs"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.find('\n'), result.out.size() - 1);
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer["provider"], "scripted");
  EXPECT_EQ(answer["model"], "script");
  EXPECT_EQ(answer["content"], "hi");
  EXPECT_EQ(answer["reasoning"], "hm");
  EXPECT_EQ(answer["finish_reason"], "stop");
  EXPECT_EQ(answer["stop_text"], "END");
  EXPECT_EQ(answer["usage"],
            json::parse(R"({"prompt_tokens": 1, "cached_tokens": 0,
                            "completion_tokens": 1, "total_tokens": 2})"));
  EXPECT_EQ(answer["timings"]["prefill_seconds"], 0.2);
  EXPECT_EQ(answer["timings"]["time_to_first_token_seconds"], 0.3);
  EXPECT_GE(answer["timings"]["load_seconds"], 0.0);
  EXPECT_EQ(answer["token_ids"], json::parse("[1, 2]"));
  EXPECT_EQ(answer["logprobs"][0]["bytes"], json::parse("[195]"));
  EXPECT_EQ(answer["logprobs"][0]["token"], "\xEF\xBF\xBD");
  EXPECT_EQ(answer["logprobs"][0]["top_logprobs"][1]["token_id"], 9);
}

TEST_F(Run, JsonErrorsAreOneObject) {
  open_error.emplace(ErrorCode::kModelNotFound, "[hub] none", "Look.");
  const RunResult result = run({"run", "m", "p", "--json"});
  EXPECT_EQ(result.exit_code, 14);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(json::parse(result.err),
            json::parse(R"({"error": {"name": "ModelNotFoundError",
              "message": "[hub] none", "hint": "Look.", "exit_code": 14}})"));
  const RunResult usage = run({"run", "--json", "--bogus"});
  EXPECT_EQ(usage.exit_code, 2);
  EXPECT_EQ(json::parse(usage.err)["error"]["name"], "UsageError");
}

TEST_F(Run, VerboseReportsSpeedOnStandardError) {
  model->enqueue("ok");
  const RunResult result = run({"run", "m", "two words", "--verbose"});
  EXPECT_EQ(result.out, "ok\n");
  EXPECT_NE(result.err.find("prompt 2 tokens (0 cached)"), std::string::npos);
  EXPECT_NE(result.err.find("answer 1 tokens"), std::string::npos);
}

TEST_F(Run, AReaderThatGoesAwayEndsItQuietly) {
  Gate never;
  model->enqueue(Script().text("12345").text("67890").wait(never));
  out_failure = StringOutput::Failure::kBrokenPipe;
  out_capacity = 7;
  const RunResult result = run({"run", "m", "p"});
  EXPECT_EQ(result.exit_code, kExitBrokenPipe);
  EXPECT_EQ(result.out, "12345");
  EXPECT_EQ(result.err, "");
}

TEST_F(Run, AFullDiskBehindStandardOutputIsAnError) {
  model->enqueue(Script().text("12345").text("67890"));
  out_failure = StringOutput::Failure::kDiskFull;
  out_capacity = 7;
  EXPECT_EQ(run({"run", "m", "p"}).exit_code, 27);
}

TEST_F(Run, CtrlCStopsTheAnswerAndKeepsWhatThereIs) {
  for (const bool as_json : {false, true}) {
    Gate gate;
    model->enqueue(Script().text("partial").wait(gate).text("never"));
    std::thread keyboard([&] {
      gate.wait_until_reached();
      ::kill(::getpid(), SIGINT);
    });
    std::vector<std::string> arguments{"run", "m", "p"};
    if (as_json) arguments.emplace_back("--json");
    const RunResult result = run(arguments);
    keyboard.join();
    EXPECT_EQ(result.exit_code, 130);
    EXPECT_EQ(result.err, "");
    if (as_json) {
      EXPECT_EQ(json::parse(result.out)["finish_reason"], "cancelled");
      EXPECT_EQ(json::parse(result.out)["content"], "partial");
    } else {
      EXPECT_EQ(result.out, "partial\n");
    }
  }
}

TEST_F(Run, TerminalsGetNoControlCharactersAndPipesGetAll) {
  model->enqueue("a\x1b]0;x\x07\tb\r\xC2\x9B");
  model->enqueue("a\x1b]0;x\x07\tb\r\xC2\x9B");
  EXPECT_EQ(run({"run", "m", "p"}).out, "a\x1b]0;x\x07\tb\r\xC2\x9B\n");
  out_is_terminal = true;
  EXPECT_EQ(run({"run", "m", "p"}).out, "a]0;x\tb\n");
}

TEST_F(Run, ProgressIsDrawnOnATerminalOnlyAndWiped) {
  model->enqueue("ok");
  model->enqueue("ok");
  EXPECT_EQ(run({"run", "m", "p"}).err, "");
  err_is_terminal = true;
  const RunResult result = run({"run", "m", "p"});
  EXPECT_NE(result.err.find("loading m ["), std::string::npos);
  EXPECT_NE(result.err.find("100%"), std::string::npos);
  EXPECT_TRUE(result.err.ends_with(" \r"));
  EXPECT_EQ(result.out, "ok\n");
}

}  // namespace
}  // namespace abstractllm::cli
