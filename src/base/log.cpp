// One process-wide sink behind a lock, and the standard-error sink on spdlog.
// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace abstractllm::base {
namespace {

// The one mutable state of the library that no object owns: what is logged
// before and after any object lives has to go somewhere as well.
struct Log {
  std::atomic<LogLevel> level{LogLevel::kOff};
  std::mutex mutex;
  LogSink sink;  // mutex
};

Log& the_log() {
  static Log log;
  return log;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

void set_log(LogLevel level, LogSink sink) {
  Log& log = the_log();
  const std::lock_guard lock(log.mutex);
  log.level = sink ? level : LogLevel::kOff;
  log.sink = std::move(sink);
}

LogSink standard_error_log() {
  const auto logger = std::make_shared<spdlog::logger>(
      "abstractllm", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(spdlog::level::debug);
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  return [logger](LogLevel level, std::string_view where,
                  std::string_view message) {
    logger->log(spdlog_level(level), "[{}] {}", where, message);
  };
}

bool is_logged(LogLevel level) noexcept {
  return level != LogLevel::kOff && level >= the_log().level.load();
}

void log(LogLevel level, std::string_view where, std::string_view message) {
  if (!is_logged(level)) return;
  Log& log = the_log();
  const std::lock_guard lock(log.mutex);
  if (log.sink) log.sink(level, where, message);
}

}  // namespace abstractllm::base
