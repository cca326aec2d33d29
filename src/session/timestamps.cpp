// ISO 8601 in UTC.
// SPDX-License-Identifier: Apache-2.0
#include "session/timestamps.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace abstractllm::session {
namespace {

using std::chrono::milliseconds;

// The next `width` digits; -1 if there is anything else.
int number(std::string_view& text, std::size_t width) {
  int value = -1;
  if (text.size() < width) return -1;
  const char* end = text.data() + width;
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < 0) return -1;
  text.remove_prefix(width);
  return value;
}

bool skip(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string format_time(std::int64_t since_1970) {
  using std::chrono::floor;
  const std::chrono::sys_time<milliseconds> time{milliseconds(since_1970)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                     static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const int year = number(text, 4);
  if (year < 0 || !skip(text, "-")) return std::nullopt;
  const int month = number(text, 2);
  if (month < 0 || !skip(text, "-")) return std::nullopt;
  const int day = number(text, 2);
  if (day < 0 || !skip(text, "T ")) return std::nullopt;
  const int hour = number(text, 2);
  if (hour < 0 || hour > 23 || !skip(text, ":")) return std::nullopt;
  const int minute = number(text, 2);
  if (minute < 0 || minute > 59 || !skip(text, ":")) return std::nullopt;
  const int second = number(text, 2);
  if (second < 0 || second > 59) return std::nullopt;
  int fraction = 0;
  if (skip(text, ".")) {
    for (int scale = 100; scale > 0 || !text.empty(); scale /= 10) {
      const int digit = number(text, 1);
      if (digit < 0) break;
      fraction += digit * scale;
    }
  }
  skip(text, "Z");
  const std::chrono::year_month_day date(
      std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
      std::chrono::day(static_cast<unsigned>(day)));
  if (!text.empty() || !date.ok()) return std::nullopt;
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                    std::chrono::minutes(minute) +
                    std::chrono::seconds(second) + milliseconds(fraction);
  return time.time_since_epoch().count();
}

}  // namespace abstractllm::session
