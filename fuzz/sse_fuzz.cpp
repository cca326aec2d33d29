// Server-sent events: whole, cut where the input says, and byte by byte give
// the same events, and none has a line end in its type. 0xFE marks a cut.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/error.h"
#include "fuzz/require.h"
#include "net/sse_reader.h"

namespace {

using abstractllm::fuzz::require;
using abstractllm::net::SseEvent;
using abstractllm::net::SseReader;

constexpr char kCut = '\xFE';

void drain(SseReader& reader, std::vector<SseEvent>& events) {
  while (auto event = reader.next()) events.push_back(*std::move(event));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string whole;
  std::vector<SseEvent> in_pieces;
  SseReader pieces;
  while (!input.empty()) {
    const std::size_t cut = input.find(kCut);
    const std::string_view piece = input.substr(0, cut);
    whole += piece;
    pieces.push(piece);
    drain(pieces, in_pieces);
    input.remove_prefix(cut == std::string_view::npos ? input.size() : cut + 1);
  }
  std::vector<SseEvent> at_once;
  SseReader reader;
  reader.push(whole);
  drain(reader, at_once);
  require(at_once == in_pieces);

  std::vector<SseEvent> by_bytes;
  SseReader bytes;
  for (const char c : whole) bytes.push(std::string_view(&c, 1));
  drain(bytes, by_bytes);
  require(at_once == by_bytes);
  require(reader.retry_ms() == bytes.retry_ms());
  require(reader.holds_part() == bytes.holds_part());
  for (const SseEvent& event : at_once) {
    require(event.type.find_first_of("\r\n") == std::string::npos);
    require(!event.type.empty());
  }

  SseReader bounded(16);
  try {
    bounded.push(whole);
    while (auto event = bounded.next()) require(event->data.size() <= 17);
  } catch (const abstractllm::ProviderAPIError&) {
  }
  return 0;
}
