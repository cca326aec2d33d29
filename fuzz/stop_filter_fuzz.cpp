// Stop texts over a text in pieces: the same outcome as over the whole text,
// and the outcome that the definition gives. The input is lines: stop texts,
// an empty line, then the text; 0xFE in the text marks a cut.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "output/stop_filter.h"

namespace {

// The reference search is quadratic.
constexpr std::size_t kLongestInput = 2000;
constexpr char kCut = '\xFE';

std::vector<std::string> read_stops(std::string_view& input) {
  std::vector<std::string> stops;
  while (true) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (line.empty()) return stops;
    if (abstractllm::base::is_valid_utf8(line)) stops.emplace_back(line);
  }
}

std::string expected_text(const std::vector<std::string>& stops,
                          const std::string& text, std::string& stop_text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const std::string_view read = std::string_view(text).substr(0, end);
    for (const std::string& stop : stops) {
      if (read.ends_with(stop) && stop.size() > stop_text.size()) {
        stop_text = stop;
      }
    }
    if (!stop_text.empty()) return text.substr(0, end - stop_text.size());
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size > kLongestInput) return 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> stops = read_stops(input);
  abstractllm::output::StopFilter filter(stops);
  std::string whole;
  std::string shown;
  while (!input.empty()) {
    const std::size_t cut = input.find(kCut);
    const std::string_view piece = input.substr(0, cut);
    whole += piece;
    shown += filter.push(piece);
    input.remove_prefix(cut == std::string_view::npos ? input.size() : cut + 1);
  }
  if (!filter.matched()) shown += filter.finish();
  std::string stop_text;
  if (shown != expected_text(stops, whole, stop_text)) std::abort();
  if (filter.stop_text() != stop_text) std::abort();
  return 0;
}
