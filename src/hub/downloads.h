// Several files at once, large ones in several ranges at once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "hub/hub_client.h"
#include "hub/partial_file.h"

namespace abstractllm::hub {

/// One file to fetch. A plain value.
struct DownloadFile {
  ExpectedFile expected;
  std::string url;     ///< at the hub
  HubRequest request;  ///< for errors
  std::filesystem::path incomplete;
  std::filesystem::path complete;
  std::filesystem::path lock;
};

struct DownloadOptions {
  int connections = 8;
  /// Bytes asked for at a time. Ranges that arrive before the one ahead of
  /// them wait in memory: 2 * connections of them at most.
  std::uint64_t range_bytes = std::uint64_t{8} << 20;
};

/// Fetches files into `incomplete` and renames each to `complete` when its
/// digest is the expected one; a file that is complete already is left alone.
/// Goes on where an earlier call was left. What is damaged is fetched once
/// more from its beginning. One thread at a time.
class Downloads {
 public:
  Downloads(const HubClient& client, std::vector<DownloadFile> files,
            DownloadOptions options);
  ~Downloads();

  /// `completed`: bytes there are of all files. `file`: the name of one that
  /// is complete since the last call, else empty. Returns whether to go on.
  using Report =
      std::function<bool(std::uint64_t completed, const std::string& file)>;

  /// Returns when all files are complete. Calls `report` on this thread, about
  /// ten times a second. Throws the first error, and CancelledError when
  /// `report` says to stop; then what has arrived stays.
  void run(const Report& report);

 private:
  struct Task;
  struct Work {
    Task* task = nullptr;
    ByteRange range{};  ///< of a new task: not used
  };

  std::optional<Work> take();
  std::optional<Work> find_work(bool& is_open);
  void work() noexcept;
  void start(Task& task);
  void begin_transfer(Task& task);
  void stream(Task& task, HubClient::Answer answer);
  void fetch(Task& task, ByteRange range,
             std::optional<HubClient::Answer> answer);
  void read_all(Task& task, ByteRange range,
                std::optional<HubClient::Answer> answer, std::string& bytes);
  void write_next(Task& task);
  void keep(Task& task, std::uint64_t begin, std::string bytes) noexcept;
  std::size_t read_range(Task& task, HubClient::Answer& answer,
                         std::string& bytes, std::uint64_t wanted);
  void deliver(Task& task, std::uint64_t begin, std::string bytes);
  void finish(Task& task);
  void again_from_the_start(Task& task, const std::string& why);
  void set_done(Task& task);
  void fail(std::exception_ptr error);
  bool wait_for_workers(const Report& report);

  const HubClient& client_;
  const DownloadOptions options_;
  std::list<Task> tasks_;
  CancelToken stop_;
  std::atomic<std::int64_t> completed_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> finished_;  // mutex_
  std::exception_ptr error_;          // mutex_
  int workers_ = 0;                   // mutex_
};

}  // namespace abstractllm::hub
