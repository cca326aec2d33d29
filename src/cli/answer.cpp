// From events to text on a terminal or in a pipe.
// SPDX-License-Identifier: Apache-2.0
#include "cli/answer.h"

#include <fmt/format.h>

#include <exception>
#include <optional>

#include "cli/report.h"

namespace abstractllm::cli {
namespace {

class Viewer {
 public:
  Viewer(const AnswerView& view, GenerateResponse& response)
      : writer_(view), response_(response) {}

  void operator()(const TextDelta& delta) {
    response_.content += delta.text;
    response_.logprobs.insert(response_.logprobs.end(), delta.logprobs.begin(),
                              delta.logprobs.end());
    writer_.text(delta.text);
  }
  void operator()(const ReasoningDelta& delta) {
    response_.reasoning += delta.text;
    if (!delta.replay.empty()) response_.reasoning_replay = delta.replay;
    writer_.reasoning(delta.text);
  }
  void operator()(const ToolCall& call) {
    response_.tool_calls.push_back(call);
  }
  void operator()(const Retrying&) {}
  void operator()(const Finished& finished) {
    response_.request_id = finished.request_id;
    response_.finish_reason = finished.reason;
    response_.stop_text = finished.stop_text;
    response_.usage = finished.usage;
    response_.timings = finished.timings;
    response_.token_ids = finished.token_ids;
  }
  void operator()(const Failed& failed) { failure = failed.error; }

  void end() { writer_.end(failure.has_value()); }

  std::optional<Error> failure;

 private:
  AnswerWriter writer_;
  GenerateResponse& response_;
};

double per_second(int tokens, double seconds) {
  return seconds > 0 ? tokens / seconds : 0;
}

}  // namespace

void AnswerWriter::text(std::string_view text) {
  end_reasoning();
  wrote_text_ = wrote_text_ || !text.empty();
  show(view_.text, text);
}

void AnswerWriter::reasoning(std::string_view text) {
  if (view_.reasoning == nullptr || text.empty()) return;
  if (!in_reasoning_ && view_.color) view_.reasoning->write("\x1b[2m");
  in_reasoning_ = true;
  show(view_.reasoning, text);
}

void AnswerWriter::end(bool failed) {
  end_reasoning();
  if (view_.text != nullptr && (wrote_text_ ? last_ != '\n' : !failed)) {
    view_.text->write("\n");
  }
  last_ = '\n';
}

void AnswerWriter::end_reasoning() {
  if (!in_reasoning_) return;
  in_reasoning_ = false;
  if (view_.color) view_.reasoning->write("\x1b[0m");
  view_.reasoning->write(last_ == '\n' ? "\n" : "\n\n");
}

void AnswerWriter::show(Output* output, std::string_view text) {
  if (output == nullptr || text.empty()) return;
  last_ = text.back();
  if (view_.terminal) {
    output->write(terminal_text(text));
  } else {
    output->write(text);
  }
}

GenerateResponse show_answer(AbstractLLMInterface& model,
                             const Request& request, const AnswerView& view) {
  GenerateResponse response;
  response.model = model.model();
  Viewer viewer(view, response);
  std::exception_ptr broken_view;
  // The sink may run on the engine's thread, which must not see our exceptions.
  model.stream(request, [&](const Event& event) {
    if (broken_view && !is_terminal(event)) return false;
    try {
      std::visit(viewer, event);
    } catch (...) {
      broken_view = std::current_exception();
    }
    return broken_view == nullptr;
  });
  if (broken_view) std::rethrow_exception(broken_view);
  viewer.end();
  if (viewer.failure) throw_error(*viewer.failure);
  return response;
}

std::string timing_line(const GenerateResponse& response) {
  const Usage& usage = response.usage;
  const Timings& timings = response.timings;
  return fmt::format(
      "prompt {} tokens ({} cached), {:.1f} tokens/s; answer {} tokens, "
      "{:.1f} tokens/s; first token after {:.3f} s",
      usage.prompt_tokens, usage.cached_tokens,
      per_second(usage.prompt_tokens - usage.cached_tokens,
                 timings.prefill_seconds),
      usage.completion_tokens,
      per_second(usage.completion_tokens - 1, timings.decode_seconds),
      timings.time_to_first_token_seconds);
}

}  // namespace abstractllm::cli
