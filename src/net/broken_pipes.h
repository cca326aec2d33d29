// Writing to a connection that the peer has closed, without SIGPIPE.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace abstractllm::net {

/// While one lives, a SIGPIPE that its thread's writes raise ends nothing:
/// TLS libraries write without MSG_NOSIGNAL. The process's handlers stay as
/// they are. Does nothing on systems whose sockets do not raise it.
class BrokenPipes {
 public:
  BrokenPipes() noexcept;
  ~BrokenPipes();
  BrokenPipes(const BrokenPipes&) = delete;
  BrokenPipes& operator=(const BrokenPipes&) = delete;

 private:
#if defined(__linux__)
  sigset_t old_mask_;
  bool was_pending_ = false;
#endif
};

}  // namespace abstractllm::net
