// The program `allm` over models that need no weights, one for each way in
// which a model can keep a program waiting.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "abstractllm/error.h"
#include "cli/cli.h"

namespace abstractllm::cli {
namespace {

// Without a pipe to the signal handler there is nothing to wait on but time.
void wait_for(const CancelToken& cancel) {
  while (!cancel.cancelled()) ::usleep(200);
}

class PretendedModel : public AbstractLLMInterface {
 public:
  explicit PretendedModel(std::string model) : model_(std::move(model)) {}

  std::string_view provider() const override { return "scripted"; }
  std::string_view model() const override { return model_; }
  Capabilities capabilities() const override {
    return {{ModelCapability::kStreaming}, 0};
  }

  void stream(const Request& request, const EventSink& sink) override {
    Finished finished;
    if (model_ == "fail") {
      sink(Failed{GenerationError("[scripted] it broke", "Try again.")});
      return;
    }
    if (model_ == "echo") {
      sink(TextDelta{"You said: " + request.messages.back().text(), {}});
    } else if (model_ == "endless") {
      while (sink(TextDelta{"line\n", {}})) {
      }
    } else if (request.messages.back().text() == "quick") {
      sink(TextDelta{"done", {}});
    } else {
      sink(TextDelta{"partial", {}});
      wait_for(request.cancel);
      if (model_ == "deaf") {
        sink(TextDelta{"heard", {}});
        while (true) ::pause();
      }
      finished.reason = FinishReason::kCancelled;
    }
    sink(finished);
  }

 private:
  std::string model_;
};

std::unique_ptr<AbstractLLMInterface> open(std::string_view,
                                           ProviderConfig config) {
  if (config.on_load_progress) config.on_load_progress(0.5);
  while (config.model == "loads-for-ever") ::pause();
  if (config.on_load_progress) config.on_load_progress(1);
  return std::make_unique<PretendedModel>(config.model);
}

}  // namespace
}  // namespace abstractllm::cli

int main(int argc, char** argv) {
  using namespace abstractllm;
  return cli::run_process(
      argc, argv,
      {cli::open, [] { return std::vector<LocalModel>{}; },
       [](std::string_view) {
         return ModelDescription{{"a", "b"}};
       },
       [] { return std::vector<std::string>{"scripted"}; }});
}
