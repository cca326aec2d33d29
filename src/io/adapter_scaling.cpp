// Reading of scales, and PEFT's patterns of module names.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

// One character of a pattern with what may follow it.
struct Piece {
  enum class Kind { kLetter, kDigit, kAny };
  Kind kind = Kind::kLetter;
  char letter = 0;
  bool repeats = false;
  bool may_be_absent = false;

  bool takes(char c) const {
    switch (kind) {
      case Kind::kLetter:
        return c == letter;
      case Kind::kDigit:
        return c >= '0' && c <= '9';
      case Kind::kAny:
        return true;
    }
    return false;
  }
};

[[noreturn]] void refuse(std::string_view pattern) {
  throw ModelLoadingError(
      fmt::format("[adapter] the pattern '{}' of modules is not understood",
                  pattern),
      "Name the modules in the adapter's config.");
}

std::vector<Piece> read_pieces(std::string_view pattern) {
  std::string_view rest = pattern;
  std::vector<Piece> pieces;
  while (!rest.empty()) {
    Piece piece;
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\') {
      if (rest.empty() || (rest.front() != '.' && rest.front() != 'd')) {
        refuse(pattern);
      }
      piece.kind =
          rest.front() == 'd' ? Piece::Kind::kDigit : Piece::Kind::kLetter;
      piece.letter = '.';
      rest.remove_prefix(1);
    } else if (c == '.') {
      piece.kind = Piece::Kind::kAny;
    } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
               c == '-') {
      piece.letter = c;
    } else {
      refuse(pattern);
    }
    if (!rest.empty() && (rest.front() == '*' || rest.front() == '+')) {
      piece.repeats = true;
      piece.may_be_absent = rest.front() == '*';
      rest.remove_prefix(1);
    }
    pieces.push_back(piece);
  }
  return pieces;
}

// By sets of places in the pattern, so that no pattern takes long.
bool matches_all(const std::vector<Piece>& pieces, std::string_view text) {
  std::vector<char> at(pieces.size() + 1, 0);
  const auto skip_absent = [&](std::vector<char>& places) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (places[i] && pieces[i].may_be_absent) places[i + 1] = 1;
    }
  };
  at[0] = 1;
  skip_absent(at);
  for (const char c : text) {
    std::vector<char> next(at.size(), 0);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!at[i] || !pieces[i].takes(c)) continue;
      next[i + 1] = 1;
      if (pieces[i].repeats) next[i] = 1;
    }
    skip_absent(next);
    at = std::move(next);
  }
  return at.back() != 0;
}

double finite(double value, const JsonConfig& config, const char* field) {
  if (std::isfinite(value)) return value;
  throw ModelLoadingError(fmt::format("[adapter] {}: {} is not a finite number",
                                      config.origin(), field));
}

}  // namespace

bool matches_module(std::string_view pattern, std::string_view module) {
  const std::string_view whole = pattern;
  const bool at_start = pattern.starts_with('^');
  if (at_start) pattern.remove_prefix(1);
  if (pattern.ends_with('$')) pattern.remove_suffix(1);
  if (pattern.empty()) refuse(whole);
  const std::vector<Piece> pieces = read_pieces(pattern);
  if (matches_all(pieces, module)) return true;
  for (std::size_t dot = module.find('.'); !at_start && dot != module.npos;
       dot = module.find('.', dot + 1)) {
    if (matches_all(pieces, module.substr(dot + 1))) return true;
  }
  return false;
}

AdapterScaling::AdapterScaling(const JsonConfig& config, bool is_peft)
    : is_peft_(is_peft) {
  if (!is_peft) {
    const std::string type =
        config.find_string("fine_tune_type").value_or("lora");
    if (type == "full") return;
    if (type != "lora" && type != "dora") {
      throw UnsupportedModelError(
          fmt::format("[adapter] {}: fine_tune_type '{}' is not supported",
                      config.origin(), type),
          "Supported: lora, dora and full.");
    }
    scale_ =
        finite(config.require_object("lora_parameters").require_number("scale"),
               config, "scale");
    return;
  }
  const std::string type = config.find_string("peft_type").value_or("LORA");
  if (type != "LORA") {
    throw UnsupportedModelError(
        fmt::format("[adapter] {}: peft_type '{}' is not supported",
                    config.origin(), type),
        "Supported: LORA, with or without use_dora.");
  }
  const double rank = config.require_number("r");
  alpha_ = finite(config.find_number("lora_alpha").value_or(8), config,
                  "lora_alpha");
  if (!(rank > 0)) {
    throw ModelLoadingError(
        fmt::format("[adapter] {}: r is {}", config.origin(), rank));
  }
  by_root_of_rank_ = config.find_bool("use_rslora").value_or(false);
  if (const auto patterns = config.find_object("alpha_pattern")) {
    for (const std::string& key : patterns->keys()) {
      alpha_patterns_.emplace_back(
          key, finite(patterns->require_number(key), config, key.c_str()));
    }
  }
}

float AdapterScaling::factor(std::string_view module, std::int64_t rank) const {
  if (!is_peft_) return static_cast<float>(scale_);
  const auto own = std::find_if(
      alpha_patterns_.begin(), alpha_patterns_.end(),
      [&](const auto& row) { return matches_module(row.first, module); });
  const double alpha = own == alpha_patterns_.end() ? alpha_ : own->second;
  const auto size = static_cast<double>(rank);
  return static_cast<float>(alpha /
                            (by_root_of_rank_ ? std::sqrt(size) : size));
}

}  // namespace abstractllm::io
