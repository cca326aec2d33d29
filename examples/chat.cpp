// A conversation: the history is kept, and Ctrl-C stops the answer that is
// being written, not the program.
// SPDX-License-Identifier: Apache-2.0
//
// usage: chat MODEL [SYSTEM_PROMPT]
#include <abstractllm/abstractllm.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <variant>

namespace llm = abstractllm;

namespace {

// What Ctrl-C stops; nothing while the program waits for a line.
std::atomic<llm::CancelToken*> active = nullptr;

void on_interrupt(int) {
  if (llm::CancelToken* token = active.load()) {
    token->cancel();
  } else {
    std::_Exit(130);
  }
}

// Streams the answer to `history` and returns it, as far as it came.
std::string answer(llm::AbstractLLMInterface& model, llm::Request request) {
  std::string text;
  active = &request.cancel;
  model.stream(request, [&](const llm::Event& event) {
    if (const auto* delta = std::get_if<llm::TextDelta>(&event)) {
      text += delta->text;
      std::cout << delta->text << std::flush;
    } else if (const auto* end = std::get_if<llm::Finished>(&event)) {
      const bool stopped = end->reason == llm::FinishReason::kCancelled;
      std::cout << (stopped ? " [stopped]\n" : "\n");
    } else if (const auto* failed = std::get_if<llm::Failed>(&event)) {
      std::cerr << '[' << failed->error.message() << "]\n";
    }
    return true;
  });
  active = nullptr;
  return text;
}

void converse(llm::AbstractLLMInterface& model, llm::Request request) {
  std::string line;
  while (std::cout << "> " << std::flush, std::getline(std::cin, line)) {
    if (line.empty()) continue;
    request.messages.push_back(llm::Message::user(line));
    request.cancel = {};  // a raised flag stays raised: take a new one
    request.messages.push_back(llm::Message::assistant(answer(model, request)));
  }
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: %s MODEL [SYSTEM_PROMPT]\n", argv[0]);
    return 2;
  }
  try {
    auto model = llm::create_llm("mlx", {.model = argv[1]});
    std::signal(SIGINT, on_interrupt);
    llm::Request request;
    if (argc == 3) request.system_prompt = argv[2];
    request.parameters.temperature = 0.0;  // the same answers every time
    request.parameters.max_tokens = 400;
    converse(*model, request);
  } catch (const llm::Error& error) {
    std::cerr << error.message() << '\n' << error.hint() << '\n';
    return llm::error_traits(error.code()).exit_code;
  }
}
