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
      : view_(view), response_(response) {}

  void operator()(const TextDelta& delta) {
    end_reasoning();
    response_.content += delta.text;
    response_.logprobs.insert(response_.logprobs.end(), delta.logprobs.begin(),
                              delta.logprobs.end());
    show(view_.text, delta.text);
  }
  void operator()(const ReasoningDelta& delta) {
    response_.reasoning += delta.text;
    if (!delta.replay.empty()) response_.reasoning_replay = delta.replay;
    if (view_.reasoning == nullptr || delta.text.empty()) return;
    if (!reasoning_ && view_.color) view_.reasoning->write("\x1b[2m");
    reasoning_ = true;
    show(view_.reasoning, delta.text);
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

  void end() {
    end_reasoning();
    const bool empty = response_.content.empty();
    if (view_.text != nullptr && (empty ? !failure : last_ != '\n')) {
      view_.text->write("\n");
    }
  }

  std::optional<Error> failure;

 private:
  void end_reasoning() {
    if (!reasoning_) return;
    reasoning_ = false;
    if (view_.color) view_.reasoning->write("\x1b[0m");
    view_.reasoning->write(last_ == '\n' ? "\n" : "\n\n");
  }

  void show(Output* output, std::string_view text) {
    if (output == nullptr || text.empty()) return;
    last_ = text.back();
    if (view_.terminal) {
      output->write(terminal_text(text));
    } else {
      output->write(text);
    }
  }

  const AnswerView& view_;
  GenerateResponse& response_;
  bool reasoning_ = false;
  char last_ = 0;
};

double per_second(int tokens, double seconds) {
  return seconds > 0 ? tokens / seconds : 0;
}

}  // namespace

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
