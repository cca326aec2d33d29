// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "abstractllm/factory.h"
#include "contract/subject.h"
#include "support/source_folder.h"

namespace abstractllm::test {
namespace {

std::filesystem::path fixture(const std::string& name) {
  const auto path =
      std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "fixtures" / name;
  if (std::filesystem::exists(path)) return path;
  return source_folder() / "tests/data/fixtures" / name;
}

// A tiny random model: its words mean nothing, but they come as a real
// model's do.
class TinyModel : public Subject {
 public:
  explicit TinyModel(const std::string& name) {
    ProviderConfig config;
    config.model = fixture(name).string();
    config.cpu_exact = true;
    llm_ = create_llm("mlx", std::move(config));
  }
  AbstractLLMInterface& llm() override { return *llm_; }
  bool is_scripted() const override { return false; }
  void say(const std::vector<std::string>&) override {}
  void say_and_wait(const std::string&, Gate) override {}
  void call() override {}
  void fail() override {}
  Request request() const override {
    Request request;
    request.prompt_token_ids = {{5, 6, 7}};
    request.parameters.temperature = 0;
    // More than is computed ahead of a reader: an answer that waits for its
    // reader is not over when it is cancelled.
    request.parameters.max_tokens = 160;
    request.parameters.ignore_eos = true;
    return request;
  }

 private:
  std::unique_ptr<AbstractLLMInterface> llm_;
};

}  // namespace

std::vector<SubjectKind> local_subjects() {
  return {{"mlx", [] { return std::make_unique<TinyModel>("text/llama3"); }}};
}

std::vector<SubjectKind> local_embedding_subjects() {
  return {
      {"mlx", [] { return std::make_unique<TinyModel>("embed/xlm-roberta"); }}};
}

}  // namespace abstractllm::test
