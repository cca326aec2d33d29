// A scanner for <loc> and <seg> tokens.
// SPDX-License-Identifier: Apache-2.0
#include "output/detections.h"

#include <algorithm>
#include <array>
#include <optional>

namespace abstractllm::output {

namespace {

constexpr int kPlaces = 1024;
constexpr int kMaskCodes = 128;
constexpr std::size_t kCodesOfMask = 16;

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Goes to the next "<loc"; false if there is none.
  bool find_box() {
    const std::size_t found = text_.find("<loc", at_);
    at_ = std::min(found, text_.size());
    return found != std::string_view::npos;
  }

  void skip_one() { ++at_; }

  // "<NAMEddd>" of `digits` digits, with a value below `limit`; stays where it
  // is if that is not here.
  std::optional<int> take(std::string_view name, std::size_t digits,
                          int limit) {
    const std::string_view rest = text_.substr(at_);
    const std::size_t size = name.size() + digits + 2;
    if (rest.size() < size || rest[0] != '<' || rest[size - 1] != '>' ||
        rest.substr(1, name.size()) != name) {
      return std::nullopt;
    }
    int value = 0;
    for (const char c : rest.substr(1 + name.size(), digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    if (value >= limit) return std::nullopt;
    at_ += size;
    return value;
  }

  std::string take_label() {
    const std::size_t end =
        std::min({text_.find(';', at_), text_.find("<loc", at_),
                  text_.find('\n', at_), text_.size()});
    std::string_view label = text_.substr(at_, end - at_);
    at_ = end;
    while (label.starts_with(' ')) label.remove_prefix(1);
    while (label.ends_with(' ')) label.remove_suffix(1);
    return std::string(label);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::array<int, 4>> take_box(Scanner& scanner) {
  std::array<int, 4> places{};
  for (int& place : places) {
    const std::optional<int> found = scanner.take("loc", 4, kPlaces);
    if (!found) return std::nullopt;
    place = *found;
  }
  return places;
}

}  // namespace

std::vector<Detection> find_detections(std::string_view text) {
  std::vector<Detection> detections;
  Scanner scanner(text);
  while (scanner.find_box()) {
    const auto box = take_box(scanner);
    if (!box) {
      scanner.skip_one();
      continue;
    }
    const auto share = [&](int index) {
      return static_cast<double>((*box)[static_cast<std::size_t>(index)]) /
             kPlaces;
    };
    Detection found{.label = {},
                    .left = std::min(share(1), share(3)),
                    .top = std::min(share(0), share(2)),
                    .right = std::max(share(1), share(3)),
                    .bottom = std::max(share(0), share(2))};
    while (const auto code = scanner.take("seg", 3, kMaskCodes)) {
      found.mask_codes.push_back(*code);
    }
    if (found.mask_codes.size() != kCodesOfMask) found.mask_codes.clear();
    found.label = scanner.take_label();
    detections.push_back(std::move(found));
  }
  return detections;
}

}  // namespace abstractllm::output
