// The protocol of OpenAI's chat completions, as OpenAI and others speak it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "providers/wire/dialect.h"
#include "providers/wire/parameter_table.h"

namespace abstractllm::providers {

/// Where the services that speak the protocol differ.
struct OpenAIChatStyle {
  ParameterColumn column = ParameterColumn::kOpenAI;
  /// Field of an assistant message in which reasoning goes back; empty: the
  /// service does not want to see it.
  std::string reasoning_field{};
  /// Takes "reasoning_effort".
  bool takes_effort = true;
  /// Takes JSON without a schema; else it is asked for by the widest schema.
  bool takes_json_object = true;
  /// Has /completions for prompts without a template.
  bool takes_raw_prompt = false;
};

/// Requests of POST /chat/completions (and /completions), streamed.
std::unique_ptr<Dialect> openai_chat_dialect(OpenAIChatStyle style);

/// Reads the stream of chunks, and a whole answer in one JSON body from
/// servers that do not stream.
std::unique_ptr<AnswerReader> openai_chat_reader(const std::string& provider,
                                                 const std::string& model);

}  // namespace abstractllm::providers
