// Server-sent events out of a stream of bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace abstractllm::net {

struct SseEvent {
  std::string type;  ///< "message" where the stream names none
  std::string data;  ///< its data lines, joined by line feeds
  std::string id;    ///< the last id that the stream had up to this event
  bool operator==(const SseEvent&) const = default;
};

/// Reads text/event-stream as the WHATWG's HTML standard (section 9.2.6) has
/// it: lines end in CRLF, LF or CR; a byte order mark at the start and
/// comments are skipped; an event that the stream's end cuts off is dropped.
/// However the bytes are split, the events are the same. Linear in the bytes.
/// One thread at a time.
class SseReader {
 public:
  /// A whole image in base64 fits; a peer that never ends its event does not
  /// fill the memory.
  static constexpr std::size_t kMaxEventBytes = 64U << 20;

  explicit SseReader(std::size_t max_event_bytes = kMaxEventBytes)
      : max_event_bytes_(max_event_bytes) {}

  /// Takes the next bytes. Throws ProviderAPIError for an event that is
  /// larger than the bound.
  void push(std::string_view bytes);

  /// The next whole event, oldest first; nothing when more bytes are needed.
  std::optional<SseEvent> next();

  /// The reconnection time that the stream asked for.
  std::optional<int> retry_ms() const { return retry_ms_; }

  /// Whether bytes of an unfinished event are held.
  bool holds_part() const { return !line_.empty() || has_data_; }

 private:
  void end_line();
  void take_field(std::string_view field, std::string_view value);
  void dispatch();
  std::string_view skip_mark(std::string_view bytes);
  void check_size(std::size_t more) const;

  const std::size_t max_event_bytes_;
  std::size_t mark_bytes_ = 0;  // of the byte order mark; 3 once it is settled
  bool after_carriage_return_ = false;
  std::string line_;
  std::string type_;
  std::string data_;
  bool has_data_ = false;
  std::string id_;
  std::optional<int> retry_ms_;
  std::deque<SseEvent> events_;
};

}  // namespace abstractllm::net
