// The line machine of server-sent events.
// SPDX-License-Identifier: Apache-2.0
#include "net/sse_reader.h"

#include <charconv>

#include "abstractllm/error.h"

namespace abstractllm::net {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void SseReader::check_size(std::size_t more) const {
  if (more > max_event_bytes_ ||
      line_.size() + data_.size() > max_event_bytes_ - more) {
    throw ProviderAPIError("[net] an event of the stream is larger than " +
                               std::to_string(max_event_bytes_) + " bytes",
                           "The service does not end its events.");
  }
}

// Consumes the byte order mark, however it is split. Bytes that turn out to
// be no mark belong to the first line.
std::string_view SseReader::skip_mark(std::string_view bytes) {
  while (mark_bytes_ < kByteOrderMark.size() && !bytes.empty()) {
    if (bytes[0] != kByteOrderMark[mark_bytes_]) {
      line_.append(kByteOrderMark.substr(0, mark_bytes_));
      mark_bytes_ = kByteOrderMark.size();
      return bytes;
    }
    ++mark_bytes_;
    bytes.remove_prefix(1);
  }
  return bytes;
}

void SseReader::push(std::string_view bytes) {
  bytes = skip_mark(bytes);
  while (!bytes.empty()) {
    if (after_carriage_return_) {
      after_carriage_return_ = false;
      if (bytes[0] == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    check_size(piece.size());
    line_.append(piece);
    if (end == std::string_view::npos) return;
    after_carriage_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line();
  }
}

void SseReader::end_line() {
  const std::string line = std::move(line_);
  line_.clear();
  if (line.empty()) {
    dispatch();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view all = line;
  if (colon == std::string::npos) {
    take_field(all, "");
    return;
  }
  std::string_view value = all.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  take_field(all.substr(0, colon), value);
}

void SseReader::take_field(std::string_view field, std::string_view value) {
  if (field == "data") {
    check_size(value.size() + 1);
    if (has_data_) data_ += '\n';
    data_.append(value);
    has_data_ = true;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (field == "retry") {
    int number = 0;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, number);
    if (error == std::errc{} && rest == end && number >= 0) retry_ms_ = number;
  }
}

void SseReader::dispatch() {
  if (has_data_) {
    events_.push_back(
        {type_.empty() ? "message" : std::move(type_), std::move(data_), id_});
  }
  type_.clear();
  data_.clear();
  has_data_ = false;
}

std::optional<SseEvent> SseReader::next() {
  if (events_.empty()) return std::nullopt;
  SseEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace abstractllm::net
