// MCP over a child process.
// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <thread>

#include "abstractllm/error.h"
#include "net/line_reader.h"
#include "session/mcp_transport.h"

namespace abstractllm::session {
namespace {

class StdioTransport : public McpTransport {
 public:
  explicit StdioTransport(const ChildCommand& command) : child_(command) {}

  ~StdioTransport() override {
    child_.wake();
    if (reader_.joinable()) reader_.join();
  }

  void open(Receiver receiver) override {
    reader_ = std::thread(
        [this, receiver = std::move(receiver)] { read_all(receiver); });
  }

  void send(const std::string& message, Clock::time_point deadline,
            const CancelToken& cancel, const std::function<bool()>&) override {
    const std::lock_guard lock(write_mutex_);
    child_.write(message + "\n", deadline, cancel);
  }

  std::string last_words() const override {
    const std::lock_guard lock(words_mutex_);
    return last_words_;
  }

 private:
  void read_all(const Receiver& receiver) {
    net::LineReader lines;
    try {
      for (std::string bytes = child_.read(); !bytes.empty();
           bytes = child_.read()) {
        lines.push(bytes);
        while (const auto line = lines.next()) receiver(*line);
      }
      end(child_.last_error_line());
    } catch (const Error& error) {
      end(error.message());
    }
    receiver({});
  }

  void end(std::string words) {
    const std::lock_guard lock(words_mutex_);
    last_words_ = std::move(words);
  }

  ChildProcess child_;
  std::mutex write_mutex_;
  mutable std::mutex words_mutex_;
  std::string last_words_;  // words_mutex_
  std::thread reader_;
};

}  // namespace

std::unique_ptr<McpTransport> make_stdio_transport(
    const ChildCommand& command) {
  return std::make_unique<StdioTransport>(command);
}

}  // namespace abstractllm::session
