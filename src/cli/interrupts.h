// Ctrl-C, turned from the end of the program into a request to stop.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include "abstractllm/cancel.h"

namespace abstractllm::cli {

/// Takes SIGINT over while it lives, unless the program was started with it
/// ignored (`nohup`, background jobs). At most one object at a time, made and
/// destroyed on one thread.
class Interrupts {
 public:
  enum class Mode {
    /// The first Ctrl-C of an answer stops the answer. Any other ends the
    /// program.
    kFilter,
    /// The program outlives any number of them.
    kTerminal,
  };

  explicit Interrupts(Mode mode);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// While it lives, Ctrl-C raises `token`. So does one before it that was not
  /// taken: it was typed while the answer was being prepared.
  class Answer {
   public:
    explicit Answer(CancelToken token);
    ~Answer();
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

   private:
    CancelToken token_;
  };

  /// Readable (poll) after a Ctrl-C that no Answer took; kTerminal only.
  int descriptor() const;
  /// True once for any number of those.
  bool take();

 private:
  struct sigaction previous_ {};
};

}  // namespace abstractllm::cli
