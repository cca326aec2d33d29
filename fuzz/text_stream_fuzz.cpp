// Fuzzes the way from token bytes to text deltas: however the bytes are split,
// the deltas make the same text, valid UTF-8, with no stop text in it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "fuzz/require.h"
#include "output/text_stream.h"

namespace {

using namespace abstractllm;

struct Outcome {
  std::string text;
  std::string stop_text;
  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` in pieces of `piece` bytes.
Outcome stream(const std::vector<std::string>& stops, std::string_view bytes,
               std::size_t piece) {
  output::TextStream stream(stops);
  Outcome outcome;
  const auto take = [&](const std::optional<TextDelta>& delta) {
    if (!delta) return;
    fuzz::require(base::is_valid_utf8(delta->text));
    outcome.text += delta->text;
  };
  while (!bytes.empty() && !stream.stopped()) {
    const std::size_t count = std::min(piece, bytes.size());
    take(stream.push(bytes.substr(0, count)));
    bytes.remove_prefix(count);
  }
  take(stream.finish());
  outcome.stop_text = stream.stop_text();
  return outcome;
}

// The first byte says how many stop texts follow, each after its length.
std::vector<std::string> take_stops(std::string_view& input) {
  std::vector<std::string> stops;
  if (input.empty()) return stops;
  const int count = static_cast<unsigned char>(input[0]) % 4;
  input.remove_prefix(1);
  for (int i = 0; i < count && !input.empty(); ++i) {
    const std::size_t length = static_cast<unsigned char>(input[0]) % 8 + 1;
    const std::string stop(input.substr(1, length));
    input.remove_prefix(std::min(input.size(), length + 1));
    if (!stop.empty() && base::is_valid_utf8(stop)) stops.push_back(stop);
  }
  return stops;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> stops = take_stops(input);
  const Outcome whole = stream(stops, input, std::max<std::size_t>(size, 1));
  for (const std::size_t piece : {1u, 2u, 3u, 7u}) {
    fuzz::require(stream(stops, input, piece) == whole);
  }
  for (const std::string& stop : stops) {
    fuzz::require(whole.text.find(stop) == std::string::npos);
  }
  return 0;
}
