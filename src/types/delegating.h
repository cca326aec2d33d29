// A provider that hands every question on.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/llm.h"

namespace abstractllm::types {

/// Answers with what another model answers, which it holds. What a derived
/// class adds to a question it overrides; a question that is new in the
/// interface is handed on here, once. Thread-safe as the other model is.
class Delegating : public AbstractLLMInterface {
 public:
  std::string_view provider() const override { return llm_->provider(); }
  std::string_view model() const override { return llm_->model(); }
  Capabilities capabilities() const override { return llm_->capabilities(); }
  void stream(const Request& request, const EventSink& sink) override {
    llm_->stream(request, sink);
  }
  EmbeddingResponse embed(const EmbeddingRequest& request) override {
    return llm_->embed(request);
  }
  int count_tokens(const Request& request) override {
    return llm_->count_tokens(request);
  }
  std::vector<ImageCost> image_costs(const Request& request) override {
    return llm_->image_costs(request);
  }
  std::vector<std::int32_t> tokenize(std::string_view text,
                                     bool add_special_tokens) override {
    return llm_->tokenize(text, add_special_tokens);
  }
  std::string detokenize(const std::vector<std::int32_t>& ids) override {
    return llm_->detokenize(ids);
  }
  Score score(const std::vector<std::int32_t>& ids) override {
    return llm_->score(ids);
  }
  ModelDescription describe() override { return llm_->describe(); }

 protected:
  explicit Delegating(std::shared_ptr<AbstractLLMInterface> llm)
      : llm_(std::move(llm)) {}

  const std::shared_ptr<AbstractLLMInterface> llm_;  ///< not null
};

}  // namespace abstractllm::types
