// Recursive descent, of bounded depth.
// SPDX-License-Identifier: Apache-2.0
#include "session/calculator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numbers>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::session {
namespace {

// More nesting is an attack on the stack.
constexpr int kMaxDepth = 100;

struct Function {
  std::string_view name;
  std::size_t arguments;
  double (*value)(const std::vector<double>&);
};

constexpr std::array kFunctions{
    Function{"abs", 1, [](const auto& a) { return std::abs(a[0]); }},
    Function{"sqrt", 1, [](const auto& a) { return std::sqrt(a[0]); }},
    Function{"exp", 1, [](const auto& a) { return std::exp(a[0]); }},
    Function{"ln", 1, [](const auto& a) { return std::log(a[0]); }},
    Function{"log", 1, [](const auto& a) { return std::log(a[0]); }},
    Function{"log10", 1, [](const auto& a) { return std::log10(a[0]); }},
    Function{"log2", 1, [](const auto& a) { return std::log2(a[0]); }},
    Function{"sin", 1, [](const auto& a) { return std::sin(a[0]); }},
    Function{"cos", 1, [](const auto& a) { return std::cos(a[0]); }},
    Function{"tan", 1, [](const auto& a) { return std::tan(a[0]); }},
    Function{"asin", 1, [](const auto& a) { return std::asin(a[0]); }},
    Function{"acos", 1, [](const auto& a) { return std::acos(a[0]); }},
    Function{"atan", 1, [](const auto& a) { return std::atan(a[0]); }},
    Function{"floor", 1, [](const auto& a) { return std::floor(a[0]); }},
    Function{"ceil", 1, [](const auto& a) { return std::ceil(a[0]); }},
    Function{"round", 1, [](const auto& a) { return std::round(a[0]); }},
    Function{"min", 2, [](const auto& a) { return std::min(a[0], a[1]); }},
    Function{"max", 2, [](const auto& a) { return std::max(a[0], a[1]); }},
    Function{"pow", 2, [](const auto& a) { return std::pow(a[0], a[1]); }},
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  double whole() {
    const double value = sum();
    skip_space();
    if (position_ < text_.size()) fail("unexpected text");
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw InvalidRequestError(
        fmt::format("{} at character {}", what, position_ + 1));
  }

  void skip_space() {
    while (position_ < text_.size() &&
           (text_[position_] == ' ' || text_[position_] == '\t' ||
            text_[position_] == '\n')) {
      ++position_;
    }
  }

  bool take(std::string_view symbol) {
    skip_space();
    if (!text_.substr(position_).starts_with(symbol)) return false;
    position_ += symbol.size();
    return true;
  }

  double sum() {
    double value = product();
    while (true) {
      if (take("+")) {
        value += product();
      } else if (take("-")) {
        value -= product();
      } else {
        return value;
      }
    }
  }

  double product() {
    double value = sign();
    while (true) {
      if (take("*")) {
        value *= sign();
      } else if (take("/")) {
        value /= sign();
      } else if (take("%")) {
        value = std::fmod(value, sign());
      } else {
        return value;
      }
    }
  }

  // -2^2 is -(2^2), and 2^-1 is a half.
  double sign() {
    if (take("-")) return -nested([this] { return sign(); });
    if (take("+")) return nested([this] { return sign(); });
    const double base = value();
    if (take("**") || take("^")) {
      return std::pow(base, nested([this] { return sign(); }));
    }
    return base;
  }

  double value() {
    if (take("(")) {
      const double inner = nested([this] { return sum(); });
      if (!take(")")) fail("')' is missing");
      return inner;
    }
    skip_space();
    const std::string_view rest = text_.substr(position_);
    double number = 0;
    const auto parsed =
        std::from_chars(rest.data(), rest.data() + rest.size(), number);
    // from_chars also reads "inf" and "nan".
    const bool digit =
        !rest.empty() && (rest[0] == '.' || (rest[0] >= '0' && rest[0] <= '9'));
    if (digit && parsed.ec == std::errc{}) {
      position_ += static_cast<std::size_t>(parsed.ptr - rest.data());
      return number;
    }
    return name();
  }

  double name() {
    const std::size_t start = position_;
    while (position_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[position_])) != 0)) {
      ++position_;
    }
    const std::string_view word = text_.substr(start, position_ - start);
    if (word == "pi") return std::numbers::pi;
    if (word == "e") return std::numbers::e;
    const auto found =
        std::find_if(kFunctions.begin(), kFunctions.end(),
                     [&](const Function& each) { return each.name == word; });
    if (found == kFunctions.end()) {
      position_ = start;
      fail(word.empty() ? "a number is expected" : "unknown name");
    }
    if (!take("(")) fail("'(' is expected");
    std::vector<double> arguments{nested([this] { return sum(); })};
    while (take(",")) {
      arguments.push_back(nested([this] { return sum(); }));
    }
    if (!take(")")) fail("')' is missing");
    if (arguments.size() != found->arguments) {
      fail(fmt::format("{} takes {} arguments and got {}", found->name,
                       found->arguments, arguments.size()));
    }
    return found->value(arguments);
  }

  template <typename F>
  double nested(F&& inner) {
    if (++depth_ > kMaxDepth) fail("too deeply nested");
    const double value = inner();
    --depth_;
    return value;
  }

  const std::string_view text_;
  std::size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace

double calculate(std::string_view expression) {
  const double value = Parser(expression).whole();
  if (std::isfinite(value)) return value;
  throw InvalidRequestError("the result is no finite number");
}

}  // namespace abstractllm::session
