// What every provider shares: whole answers from streams, honest refusals.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/llm.h"

#include "abstractllm/error.h"

namespace abstractllm {
namespace {

class Collector {
 public:
  void operator()(const TextDelta& delta) {
    response_.content += delta.text;
    response_.logprobs.insert(response_.logprobs.end(), delta.logprobs.begin(),
                              delta.logprobs.end());
  }
  void operator()(const ReasoningDelta& delta) {
    response_.reasoning += delta.text;
    if (!delta.replay.empty()) response_.reasoning_replay = delta.replay;
  }
  void operator()(const ToolCall& call) {
    response_.tool_calls.push_back(call);
  }
  void operator()(const Retrying&) {}
  void operator()(const Finished& finished) {
    ++terminal_events_;
    response_.request_id = finished.request_id;
    response_.finish_reason = finished.reason;
    response_.stop_text = finished.stop_text;
    response_.token_ids = finished.token_ids;
    response_.usage = finished.usage;
    response_.timings = finished.timings;
  }
  void operator()(const Failed& failed) {
    ++terminal_events_;
    error_ = failed.error;
  }

  GenerateResponse take(const AbstractLLMInterface& llm) && {
    if (error_) throw_error(*error_);
    if (terminal_events_ != 1) {
      const std::string id(llm.provider());
      throw InternalError("[" + id + "] a stream ended with " +
                              std::to_string(terminal_events_) +
                              " terminal events instead of 1",
                          "This is a bug of the provider.", id);
    }
    response_.model = llm.model();
    return std::move(response_);
  }

 private:
  GenerateResponse response_;
  std::optional<Error> error_;
  int terminal_events_ = 0;
};

[[noreturn]] void refuse(const AbstractLLMInterface& llm,
                         std::string_view operation) {
  const std::string id(llm.provider());
  throw UnsupportedOperationError(
      "[" + id + "] provider '" + id + "' cannot " + std::string(operation),
      "Use a local model (provider mlx) for this.", id);
}

}  // namespace

AbstractLLMInterface::~AbstractLLMInterface() = default;

GenerateResponse AbstractLLMInterface::generate(const Request& request) {
  Collector collector;
  stream(request, [&](const Event& event) {
    std::visit(collector, event);
    return true;
  });
  return std::move(collector).take(*this);
}

GenerateResponse AbstractLLMInterface::generate(
    std::string_view prompt, const GenerationParameters& parameters) {
  Request request;
  request.messages = {Message::user(std::string(prompt))};
  request.parameters = parameters;
  return generate(request);
}

EmbeddingResponse AbstractLLMInterface::embed(const EmbeddingRequest&) {
  const std::string id(provider());
  throw UnsupportedOperationError(
      "[" + id + "] model '" + std::string(model()) + "' makes no embeddings",
      "Use an embedding model.", id);
}

int AbstractLLMInterface::count_tokens(const Request&) {
  refuse(*this, "count tokens");
}

std::vector<ImageCost> AbstractLLMInterface::image_costs(const Request&) {
  refuse(*this, "tell what images cost");
}

std::vector<std::int32_t> AbstractLLMInterface::tokenize(std::string_view,
                                                         bool) {
  refuse(*this, "tokenize");
}

std::string AbstractLLMInterface::detokenize(const std::vector<std::int32_t>&) {
  refuse(*this, "detokenize");
}

Score AbstractLLMInterface::score(const std::vector<std::int32_t>&) {
  refuse(*this, "score tokens");
}

ModelDescription AbstractLLMInterface::describe() {
  refuse(*this, "describe its model");
}

}  // namespace abstractllm
