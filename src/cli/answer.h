// One answer of a model: shown as it comes, and kept.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/llm.h"
#include "cli/streams.h"
#include "output/detections.h"

namespace abstractllm::cli {

/// Where the pieces of an answer are shown; null shows nothing.
struct AnswerView {
  Output* text = nullptr;
  Output* reasoning = nullptr;
  /// `text` and `reasoning` are terminals: control characters are left out.
  bool terminal = false;
  /// Reasoning is dimmed.
  bool color = false;
};

/// Writes the pieces of an answer as they come. One answer each.
class AnswerWriter {
 public:
  /// `view` outlives it.
  explicit AnswerWriter(const AnswerView& view) : view_(view) {}
  void text(std::string_view text);
  void reasoning(std::string_view text);
  /// Ends what was written with a line break, and an empty answer unless it
  /// `failed`. More may follow.
  void end(bool failed = false);

 private:
  void end_reasoning();
  void show(Output* output, std::string_view text);

  const AnswerView& view_;
  bool in_reasoning_ = false;
  bool wrote_text_ = false;
  char last_ = 0;
};

/// Asks and shows. What was shown ends in a line break, also when the answer
/// was cancelled or failed. Throws what a stream reports as Failed, and what
/// the view's outputs throw; the request is cancelled then.
GenerateResponse show_answer(AbstractLLMInterface& model,
                             const Request& request, const AnswerView& view);

/// "prompt 36 tokens (0 cached), 240.1 tokens/s; ..." in one line.
std::string timing_line(const GenerateResponse& response);

/// The answer as a JSON object on one line, with what `--json` promises.
/// `load_seconds`: how long the model took to become ready. `detections`: what
/// the answer says of places in the first image.
std::string answer_json(const GenerateResponse& response,
                        std::string_view provider, double load_seconds,
                        const std::vector<output::Detection>& detections = {});

}  // namespace abstractllm::cli
