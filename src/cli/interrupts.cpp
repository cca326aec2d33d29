// The SIGINT handler and the little state that a handler can reach.
// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupts.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace abstractllm::cli {
namespace {

// A signal handler gets no argument of ours, hence file scope. Only an
// Interrupts object touches these.
std::atomic<CancelToken*> g_token{nullptr};
std::atomic<bool> g_ends{false};
int g_pipe[2] = {-1, -1};
pthread_t g_thread;

void on_interrupt(int signal) {
  const int saved_errno = errno;
  // On the thread that makes and ends Answers, none can end under our hands.
  if (!::pthread_equal(::pthread_self(), g_thread)) {
    ::pthread_kill(g_thread, signal);
  } else if (CancelToken* token = g_token.load();
             token != nullptr && !(g_ends.load() && token->cancelled())) {
    token->cancel();
  } else if (g_ends.load()) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  } else {
    const char byte = 0;
    // A full pipe says the same as one byte more.
    [[maybe_unused]] const ssize_t count = ::write(g_pipe[1], &byte, 1);
  }
  errno = saved_errno;
}

bool drain() {
  bool any = false;
  char bytes[64];
  while (::read(g_pipe[0], bytes, sizeof(bytes)) > 0) any = true;
  return any;
}

}  // namespace

Interrupts::Interrupts(Mode mode) {
  g_ends = mode == Mode::kFilter;
  g_thread = ::pthread_self();
  if (::pipe(g_pipe) == 0) {
    for (const int end : g_pipe) {
      ::fcntl(end, F_SETFL, O_NONBLOCK);
      ::fcntl(end, F_SETFD, FD_CLOEXEC);
    }
  }
  struct sigaction action {};
  ::sigaction(SIGINT, nullptr, &previous_);
  if (previous_.sa_handler == SIG_IGN) return;
  action.sa_handler = on_interrupt;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
}

Interrupts::~Interrupts() {
  ::sigaction(SIGINT, &previous_, nullptr);
  for (int& end : g_pipe) {
    if (end >= 0) ::close(end);
    end = -1;
  }
}

int Interrupts::descriptor() const { return g_pipe[0]; }

bool Interrupts::take() { return drain(); }

Interrupts::Answer::Answer(CancelToken token) : token_(std::move(token)) {
  g_token = &token_;
  if (drain()) token_.cancel();
}

Interrupts::Answer::~Answer() { g_token = nullptr; }

}  // namespace abstractllm::cli
