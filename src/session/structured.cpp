// Ask, validate, and ask again with what was wrong.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/structured.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "abstractllm/error.h"
#include "session/json_extraction.h"
#include "text/json_schema.h"

namespace abstractllm {
namespace {

constexpr char kAnyObject[] = R"({"type":"object"})";

class Conversation {
 public:
  Conversation(AbstractLLMInterface& llm, Request request)
      : llm_(llm),
        request_(std::move(request)),
        schema_text_(schema_of(request_.response_format)),
        schema_(schema_text_) {
    if (request_.messages.empty()) {
      throw InvalidRequestError("[structured] the request has no messages");
    }
    if (!llm.capabilities().supports(ModelCapability::kStructuredOutput)) {
      tell_schema();
    }
  }

  StructuredResponse run(int max_retries) {
    std::string problem;
    for (int attempt = 1; attempt <= max_retries + 1; ++attempt) {
      StructuredResponse result = attempt == 1 ? ask_first() : ask(attempt);
      if (result.response.finish_reason == FinishReason::kLength) {
        problem = "it was cut off at its token limit";
        if (!raise_limit()) break;
        continue;
      }
      const auto json = session::extract_json(result.response.content);
      problem = json ? text::join_violations(schema_.violations(*json))
                     : "there is no JSON in it";
      if (problem.empty()) {
        result.json = *json;
        return result;
      }
      tell_problem(result.response.content, problem);
    }
    throw GenerationError(
        fmt::format("[structured] none of {} answers is what the format asks "
                    "for; of the last: {}",
                    attempts_, problem),
        "Raise max_tokens, simplify the schema or use a larger model.",
        std::string(llm_.provider()));
  }

 private:
  static std::string schema_of(const ResponseFormat& format) {
    switch (format.kind) {
      case ResponseFormat::Kind::kJsonSchema:
        return format.schema;
      case ResponseFormat::Kind::kJsonObject:
        return kAnyObject;
      case ResponseFormat::Kind::kText:
      case ResponseFormat::Kind::kRegex:
      case ResponseFormat::Kind::kGrammar:
        break;
    }
    throw InvalidRequestError("[structured] the request asks for no JSON",
                              "Set response_format to JSON or to a schema.");
  }

  // For providers that have no structured output.
  void tell_schema() {
    request_.response_format = {};
    const std::string task = fmt::format(
        "Answer with one JSON value that fits this JSON Schema, and with "
        "nothing else:\n{}",
        schema_text_);
    for (Message& message : request_.messages) {
      if (message.role != Role::kSystem) continue;
      message.parts.push_back(TextPart{"\n\n" + task});
      return;
    }
    const std::string prompt = request_.system_prompt.value_or("");
    request_.system_prompt = prompt.empty() ? task : prompt + "\n\n" + task;
  }

  // A provider with structured output may still refuse this format: a schema
  // beyond its subset, a list at the root, JSON without a schema. What else it
  // refuses, it refuses again.
  StructuredResponse ask_first() {
    if (request_.response_format.kind == ResponseFormat::Kind::kText) {
      return ask(1);
    }
    try {
      return ask(1);
    } catch (const UnsupportedFeatureError&) {
    } catch (const InvalidRequestError& error) {
      if (!may_be_about_format(error)) throw;
    }
    tell_schema();
    return ask(1);
  }

  static bool may_be_about_format(const InvalidRequestError& error) {
    return error.service().http_status != 0 &&
           error.code() != ErrorCode::kContextWindowExceeded;
  }

  StructuredResponse ask(int attempt) {
    StructuredResponse result;
    result.response = llm_.generate(request_);
    attempts_ = attempt;
    const Usage& usage = result.response.usage;
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.cached_tokens += usage.cached_tokens;
    usage_.completion_tokens += usage.completion_tokens;
    usage_.reasoning_tokens += usage.reasoning_tokens;
    result.usage = usage_;
    result.attempts = attempt;
    if (result.response.finish_reason == FinishReason::kCancelled) {
      throw CancelledError("[structured] the request was cancelled", "",
                           std::string(llm_.provider()));
    }
    return result;
  }

  // False where the context and not the request set the limit.
  bool raise_limit() {
    auto& limit = request_.parameters.max_tokens;
    if (!limit || *limit > std::numeric_limits<int>::max() / 2) return false;
    *limit *= 2;
    return true;
  }

  void tell_problem(const std::string& answer, const std::string& problem) {
    request_.messages.push_back(Message::assistant(answer));
    request_.messages.push_back(Message::user(
        fmt::format("That is not what the schema allows: {}. Answer again, "
                    "with the corrected JSON alone.",
                    problem)));
  }

  AbstractLLMInterface& llm_;
  Request request_;
  const std::string schema_text_;
  const text::JsonSchema schema_;
  Usage usage_;
  int attempts_ = 0;
};

}  // namespace

StructuredResponse generate_structured(AbstractLLMInterface& llm,
                                       Request request,
                                       const StructuredOptions& options) {
  return Conversation(llm, std::move(request))
      .run(std::max(options.max_retries, 0));
}

}  // namespace abstractllm
