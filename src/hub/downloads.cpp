// Workers that take ranges of files in order, and put them down in order.
// SPDX-License-Identifier: Apache-2.0
#include "hub/downloads.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "abstractllm/error.h"
#include "hub/file_lock.h"

namespace abstractllm::hub {
namespace {

constexpr std::chrono::milliseconds kReportEvery{100};

// A connection that ended early, as an error that a retry may mend.
Error cut_off(const std::string& name) {
  ProviderConnectionError error("[hub] the answer for " + name + " ended early",
                                "Pull again: what has arrived is kept.", "hub");
  error.set_service({.transient = true});
  return error;
}

// "bytes 0-99/1000": whether it begins and ends where it was asked to.
bool is_range(const net::Headers& headers, const ByteRange& range,
              std::uint64_t size) {
  const auto value = net::find_header(headers, "Content-Range");
  if (!value) return false;
  const std::string bytes =
      fmt::format("bytes {}-{}/", range.begin, range.end - 1);
  return *value == bytes + std::to_string(size) || *value == bytes + "*";
}

// Asking again would bring as many bytes again.
void require_size(const net::Headers& headers, const ExpectedFile& expected) {
  const auto length = net::find_header(headers, "Content-Length");
  if (!length || !expected.size ||
      net::find_header(headers, "Content-Encoding") ||
      *length == std::to_string(*expected.size)) {
    return;
  }
  throw ProviderAPIError(
      fmt::format("[hub] {} has {} bytes by the hub's list, and its server "
                  "sends {}",
                  expected.name, *expected.size, *length),
      "The file may have changed meanwhile; pull again. If this stays, the "
      "repository or a proxy on the way is damaged.",
      "hub");
}

}  // namespace

struct Downloads::Task {
  enum class State {
    kNew,     ///< nobody has begun it
    kAlone,   ///< one worker has it to itself
    kShared,  ///< its ranges are there to take
    kDone,
  };

  Task(const HubClient& client, DownloadFile wanted)
      : file(std::move(wanted)), source(client, file.url, file.request) {}

  const DownloadFile file;
  RemoteSource source;
  State state = State::kNew;  // Downloads::mutex_
  std::uint64_t next = 0;     // Downloads::mutex_: first byte nobody asked for
  std::uint64_t held = 0;     // Downloads::mutex_: bytes on disk
  std::unique_ptr<FileLock> lock;  // of the worker that begins it
  int restarts = 0;                // of the worker that finishes it
  std::mutex writing;
  std::unique_ptr<PartialFile> partial;        // writing
  std::map<std::uint64_t, std::string> early;  // writing: not next in line
};

Downloads::Downloads(const HubClient& client, std::vector<DownloadFile> files,
                     DownloadOptions options)
    : client_(client), options_(options) {
  for (DownloadFile& file : files) tasks_.emplace_back(client, std::move(file));
}

Downloads::~Downloads() = default;

// REQUIRES: mutex_.
std::optional<Downloads::Work> Downloads::find_work(bool& is_open) {
  const std::uint64_t window =
      2 * static_cast<std::uint64_t>(options_.connections) *
      options_.range_bytes;
  for (Task& task : tasks_) {
    if (task.state == Task::State::kDone) continue;
    is_open = true;
    if (task.state == Task::State::kNew) {
      task.state = Task::State::kAlone;
      return Work{&task};
    }
    const std::uint64_t size = task.file.expected.size.value_or(0);
    if (task.state == Task::State::kShared && task.next < size &&
        task.next < task.held + window) {
      const std::uint64_t begin = task.next;
      task.next = std::min(size, begin + options_.range_bytes);
      return Work{&task, {begin, task.next}};
    }
  }
  return std::nullopt;
}

std::optional<Downloads::Work> Downloads::take() {
  std::unique_lock lock(mutex_);
  while (!stop_.cancelled()) {
    bool is_open = false;
    if (auto found = find_work(is_open)) return found;
    if (!is_open) return std::nullopt;
    changed_.wait(lock);
  }
  return std::nullopt;
}

void Downloads::work() noexcept {
  try {
    while (const auto found = take()) {
      if (found->range.end == 0) {
        start(*found->task);
      } else {
        fetch(*found->task, found->range, std::nullopt);
      }
    }
  } catch (...) {
    fail(std::current_exception());
  }
  const std::lock_guard lock(mutex_);
  --workers_;
  changed_.notify_all();
}

void Downloads::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  stop_.cancel();
}

void Downloads::set_done(Task& task) {
  task.lock.reset();
  const std::lock_guard lock(mutex_);
  task.state = Task::State::kDone;
  finished_.push_back(task.file.expected.name);
  changed_.notify_all();
}

void Downloads::start(Task& task) {
  const DownloadFile& file = task.file;
  if (!task.lock) {
    task.lock = std::make_unique<FileLock>(file.lock, stop_);
    std::error_code error;
    const auto size = std::filesystem::file_size(file.complete, error);
    if (!error && size == file.expected.size.value_or(size)) {
      // Somebody else was quicker.
      completed_ += static_cast<std::int64_t>(size);
      set_done(task);
      return;
    }
  }
  {
    const std::lock_guard writing(task.writing);
    task.early.clear();
    task.partial =
        std::make_unique<PartialFile>(file.incomplete, file.expected);
    completed_ += static_cast<std::int64_t>(task.partial->size());
  }
  begin_transfer(task);
}

// The first request of a file tells whether its server gives ranges.
void Downloads::begin_transfer(Task& task) {
  const ExpectedFile& expected = task.file.expected;
  Retry retry(client_.options(), stop_);
  while (true) {
    const std::uint64_t begin = task.partial->size();
    if (expected.size && begin == *expected.size) return finish(task);
    std::optional<ByteRange> range;
    // What went wrong once comes in one piece.
    if (expected.size && task.restarts == 0 &&
        (begin > 0 || *expected.size > options_.range_bytes)) {
      range = {begin, std::min(*expected.size, begin + options_.range_bytes)};
    }
    try {
      HubClient::Answer answer = task.source.open(range, stop_);
      const int status = answer.exchange.status();
      if (status == 416) {
        return again_from_the_start(
            task, fmt::format("{} has no byte {}", expected.name, begin));
      }
      if (status == 200) return stream(task, std::move(answer));
      if (!range || !is_range(answer.headers, *range, *expected.size)) {
        return again_from_the_start(
            task, expected.name + " comes in another range than was asked for");
      }
      {
        const std::lock_guard lock(mutex_);
        task.held = begin;
        task.next = range->end;
        task.state = Task::State::kShared;
        changed_.notify_all();
      }
      return fetch(task, *range, std::move(answer));
    } catch (const Error& error) {
      retry.after(error);
    }
  }
}

// The whole file in one answer. What is there already is read over.
void Downloads::stream(Task& task, HubClient::Answer answer) {
  const ExpectedFile& expected = task.file.expected;
  Retry retry(client_.options(), stop_);
  std::optional<HubClient::Answer> source(std::move(answer));
  while (true) {
    try {
      if (!source) source.emplace(task.source.open({}, stop_));
      require_size(source->exchange.headers(), expected);
      std::uint64_t skip = task.partial->size();
      for (auto bytes = source->exchange.read(); !bytes.empty();
           bytes = source->exchange.read()) {
        const std::uint64_t known = std::min<std::uint64_t>(skip, bytes.size());
        skip -= known;
        bytes.remove_prefix(known);
        if (bytes.empty()) continue;
        const std::lock_guard writing(task.writing);
        task.partial->append(bytes);
        completed_ += static_cast<std::int64_t>(bytes.size());
        retry.reset();
      }
      if (expected.size && task.partial->size() < *expected.size) {
        throw_error(cut_off(expected.name));
      }
      return finish(task);
    } catch (const Error& error) {
      source.reset();
      retry.after(error);
    }
  }
}

std::size_t Downloads::read_range(Task& task, HubClient::Answer& answer,
                                  std::string& bytes, std::uint64_t wanted) {
  const std::size_t before = bytes.size();
  for (auto piece = answer.exchange.read(); !piece.empty();
       piece = answer.exchange.read()) {
    if (piece.size() > wanted - bytes.size()) {
      throw ProviderAPIError("[hub] more bytes of " + task.file.expected.name +
                                 " arrived than were asked for",
                             {}, "hub");
    }
    bytes.append(piece);
    completed_ += static_cast<std::int64_t>(piece.size());
  }
  return bytes.size() - before;
}

void Downloads::fetch(Task& task, ByteRange range,
                      std::optional<HubClient::Answer> answer) {
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(range.end - range.begin));
  try {
    read_all(task, range, std::move(answer), bytes);
  } catch (...) {
    keep(task, range.begin, std::move(bytes));
    throw;
  }
  deliver(task, range.begin, std::move(bytes));
}

void Downloads::read_all(Task& task, ByteRange range,
                         std::optional<HubClient::Answer> answer,
                         std::string& bytes) {
  const ExpectedFile& expected = task.file.expected;
  const std::uint64_t wanted = range.end - range.begin;
  Retry retry(client_.options(), stop_);
  std::size_t before = 0;
  while (bytes.size() < wanted) {
    try {
      before = bytes.size();
      if (!answer) {
        const ByteRange rest{range.begin + bytes.size(), range.end};
        answer.emplace(task.source.open(rest, stop_));
        if (answer->exchange.status() != 206 ||
            !is_range(answer->headers, rest, *expected.size)) {
          throw ProviderAPIError(
              fmt::format("[hub] {}: bytes {} to {} were asked for, and "
                          "something else came (status {})",
                          expected.name, rest.begin, rest.end,
                          answer->exchange.status()),
              "Pull again: what has arrived is kept.", "hub");
        }
      }
      read_range(task, *answer, bytes, wanted);
      if (bytes.size() < wanted) throw_error(cut_off(expected.name));
    } catch (const Error& error) {
      answer.reset();
      if (bytes.size() > before) retry.reset();
      retry.after(error);
    }
  }
}

// REQUIRES: task.writing.
void Downloads::write_next(Task& task) {
  for (auto first = task.early.begin();
       first != task.early.end() && first->first == task.partial->size();
       first = task.early.erase(first)) {
    task.partial->append(first->second);
  }
}

// What a range brought before it was left, if nothing ahead of it is missing.
void Downloads::keep(Task& task, std::uint64_t begin,
                     std::string bytes) noexcept {
  try {
    const std::lock_guard writing(task.writing);
    if (!task.partial || bytes.empty()) return;
    task.early.emplace(begin, std::move(bytes));
    write_next(task);
  } catch (...) {
    // The error on its way says more than this one: these bytes come again.
  }
}

void Downloads::deliver(Task& task, std::uint64_t begin, std::string bytes) {
  std::uint64_t held = 0;
  {
    const std::lock_guard writing(task.writing);
    task.early.emplace(begin, std::move(bytes));
    write_next(task);
    held = task.partial->size();
    // Only the worker that put the last byte down goes on.
    if (held == *task.file.expected.size) {
      finish(task);
      return;
    }
  }
  const std::lock_guard lock(mutex_);
  task.held = std::max(task.held, held);
  changed_.notify_all();
}

void Downloads::finish(Task& task) {
  std::string why;
  if (!task.partial->check(why)) return again_from_the_start(task, why);
  task.partial->move_to(task.file.complete);
  task.partial.reset();
  set_done(task);
}

// Once: the beginning may be what another program left there.
void Downloads::again_from_the_start(Task& task, const std::string& why) {
  completed_ -= static_cast<std::int64_t>(task.partial->size());
  task.partial->restart();
  if (++task.restarts > 1) {
    throw ProviderAPIError("[hub] " + why,
                           "The file may have changed meanwhile, or be damaged "
                           "at the hub; pull again.",
                           "hub");
  }
  const std::lock_guard lock(mutex_);
  task.state = Task::State::kNew;
  task.next = 0;
  task.held = 0;
  changed_.notify_all();
}

// One round of waiting; false when all workers have left.
bool Downloads::wait_for_workers(const Report& report) {
  std::deque<std::string> finished;
  bool is_working = false;
  {
    std::unique_lock lock(mutex_);
    if (workers_ > 0 && finished_.empty()) {
      changed_.wait_for(lock, kReportEvery);
    }
    finished.swap(finished_);
    is_working = workers_ > 0;
  }
  const auto tell = [&](const std::string& name) {
    const auto bytes = std::max<std::int64_t>(completed_, 0);
    if (!report || stop_.cancelled() ||
        report(static_cast<std::uint64_t>(bytes), name)) {
      return;
    }
    throw CancelledError("[hub] the download was left",
                         "Pulling again goes on with it.", "hub");
  };
  try {
    for (const std::string& name : finished) tell(name);
    if (finished.empty()) tell({});
  } catch (...) {
    fail(std::current_exception());
    changed_.notify_all();
  }
  return is_working;
}

void Downloads::run(const Report& report) {
  if (tasks_.empty()) return;
  std::vector<std::thread> threads;
  const int count = std::max(options_.connections, 1);
  try {
    for (int i = 0; i < count; ++i) {
      {
        const std::lock_guard lock(mutex_);
        ++workers_;
      }
      try {
        threads.emplace_back([this] { work(); });
      } catch (...) {
        const std::lock_guard lock(mutex_);
        --workers_;
        throw;
      }
    }
  } catch (...) {
    fail(std::current_exception());
  }
  changed_.notify_all();
  while (wait_for_workers(report)) {
  }
  for (std::thread& thread : threads) thread.join();
  if (error_) std::rethrow_exception(error_);
}

}  // namespace abstractllm::hub
