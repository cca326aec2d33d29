// Runs `allm` inside the test, against a scripted model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"
#include "support/scripted_provider.h"
#include "support/temporary_folder.h"

namespace abstractllm::cli {

/// Gives a text, in pieces of at most `piece` bytes.
class StringInput : public Input {
 public:
  explicit StringInput(std::string text, std::size_t piece = 1000)
      : text_(std::move(text)), piece_(piece) {}
  std::size_t read(char* buffer, std::size_t size) override;

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t position_ = 0;
};

/// Keeps what is written, or fails from the write on that reaches `capacity`.
class StringOutput : public Output {
 public:
  enum class Failure { kNone, kBrokenPipe, kDiskFull };

  void write(std::string_view text) override;
  void fail_after(std::size_t capacity, Failure failure) {
    capacity_ = capacity;
    failure_ = failure;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t capacity_ = 0;
  Failure failure_ = Failure::kNone;
};

/// What one run of the program did.
struct RunResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

using test::TemporaryFolder;

std::string read_file(const std::filesystem::path& path);

class CliTest : public ::testing::Test {
 protected:
  CliTest();

  /// Runs `allm` with `arguments`; standard input is a pipe with `input`.
  RunResult run(const std::vector<std::string>& arguments,
                const std::string& input = {});
  /// The same with a person's keyboard as standard input.
  RunResult run_at_terminal(const std::vector<std::string>& arguments);

  /// The only request that the model got. Fails the test if it is not one.
  Request only_request() const;

  TemporaryFolder folder;
  std::shared_ptr<test::ScriptedProvider> model =
      std::make_shared<test::ScriptedProvider>();
  std::vector<LocalModel> local_models;
  ModelDescription description;
  std::vector<ProviderInfo> providers;
  /// Of every provider; asked for as "PROVIDER BASE_URL".
  std::vector<ModelEntry> entries;
  std::vector<std::string> listed;
  /// As "PROVIDER MODEL".
  std::vector<std::string> pulled;
  std::vector<std::string> removed;
  Diagnosis diagnosis;
  std::vector<ProviderConfig> diagnosed;
  std::vector<ConversionOptions> conversions;
  /// Thrown when a model is opened, if set.
  std::optional<Error> open_error;
  StringOutput::Failure out_failure = StringOutput::Failure::kNone;
  std::size_t out_capacity = 0;
  bool err_is_terminal = false;
  bool out_is_terminal = false;
  int columns = 80;

  /// What models were opened with.
  std::vector<std::string> opened_providers;
  std::vector<ProviderConfig> opened;
  std::vector<std::string> described;

 private:
  RunResult run(const std::vector<std::string>& arguments,
                const std::string& input, bool terminal);
  std::unique_ptr<AbstractLLMInterface> open(std::string_view provider,
                                             ProviderConfig config);
};

}  // namespace abstractllm::cli
