// Blocks SIGPIPE for one thread, and takes back what was raised meanwhile.
// SPDX-License-Identifier: Apache-2.0
#include "net/broken_pipes.h"

#if defined(__linux__)
#include <pthread.h>

#include <ctime>
#endif

namespace abstractllm::net {

#if defined(__linux__)

namespace {

sigset_t pipe_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

bool is_pending() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

BrokenPipes::BrokenPipes() noexcept {
  const sigset_t set = pipe_signal();
  was_pending_ = is_pending();
  pthread_sigmask(SIG_BLOCK, &set, &old_mask_);
}

BrokenPipes::~BrokenPipes() {
  if (!was_pending_ && is_pending()) {
    const sigset_t set = pipe_signal();
    const timespec now{};
    sigtimedwait(&set, nullptr, &now);
  }
  pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

#else

BrokenPipes::BrokenPipes() noexcept = default;
BrokenPipes::~BrokenPipes() = default;

#endif

}  // namespace abstractllm::net
