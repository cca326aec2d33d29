// Asks one question and prints the answer while it is being written.
// SPDX-License-Identifier: Apache-2.0
//
// usage: ask MODEL QUESTION
#include <abstractllm/abstractllm.h>

#include <cstdio>
#include <iostream>
#include <variant>

namespace llm = abstractllm;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODEL QUESTION\n", argv[0]);
    return 2;
  }
  try {
    auto model = llm::create_llm("mlx", {.model = argv[1]});
    const llm::Request request{
        .messages = {llm::Message::user(argv[2])},
        .parameters = {.temperature = 0.0, .max_tokens = 200}};

    model->stream(request, [](const llm::Event& event) {
      if (const auto* delta = std::get_if<llm::TextDelta>(&event)) {
        std::cout << delta->text << std::flush;
      } else if (const auto* failed = std::get_if<llm::Failed>(&event)) {
        llm::throw_error(failed->error);
      }
      return true;  // go on
    });
    std::cout << '\n';
  } catch (const llm::Error& error) {
    std::cerr << error.name() << ": " << error.message() << '\n';
    if (!error.hint().empty()) std::cerr << error.hint() << '\n';
    return llm::error_traits(error.code()).exit_code;
  }
}
