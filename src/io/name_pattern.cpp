// Patterns read back to front into steps, and run on all of them at once.
// SPDX-License-Identifier: Apache-2.0
#include "io/name_pattern.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

// Repetitions are written out; no config needs more.
constexpr std::size_t kMaxSteps = 10000;
constexpr int kMaxRepetitions = 1000;
constexpr int kMaxDepth = 50;

using Bytes = std::bitset<256>;

struct Node;
using Nodes = std::vector<Node>;

// One of: a byte out of a set, a place, alternatives of sequences; repeated.
struct Node {
  enum class Kind : std::uint8_t { kByte, kBegin, kEnd, kGroup };
  Kind kind = Kind::kByte;
  Bytes bytes;
  std::vector<Nodes> alternatives;
  int least = 1;
  int most = 1;  // -1: any number
};

void add_range(Bytes& bytes, unsigned char first, unsigned char last) {
  for (unsigned c = first; c <= last; ++c) bytes.set(c);
}

}  // namespace

class NamePatternReader {
 public:
  explicit NamePatternReader(std::string_view pattern)
      : whole_(pattern), rest_(pattern) {}

  void read(NamePattern& pattern) {
    const std::vector<Nodes> alternatives = read_alternatives(0);
    if (!rest_.empty()) refuse();
    const std::size_t end = add({.kind = Step::Kind::kMatch});
    pattern.start_ = build(alternatives, end);
    pattern.steps_ = std::move(steps_);
  }

 private:
  using Step = NamePattern::Step;

  [[noreturn]] void refuse() const {
    throw ModelLoadingError(
        fmt::format("[adapter] the pattern '{}' of modules is not understood",
                    whole_),
        "Name the modules in the adapter's config.");
  }

  char take() {
    if (rest_.empty()) refuse();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool take_if(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  std::vector<Nodes> read_alternatives(int depth) {
    if (depth > kMaxDepth) refuse();
    std::vector<Nodes> alternatives(1);
    while (!rest_.empty() && rest_.front() != ')') {
      if (take_if("|")) {
        alternatives.emplace_back();
        continue;
      }
      Node node = read_node(depth);
      read_repetition(node);
      alternatives.back().push_back(std::move(node));
    }
    return alternatives;
  }

  Node read_node(int depth) {
    Node node;
    const char c = take();
    switch (c) {
      case '(':
        if (take_if("?") && !take_if(":")) refuse();
        node.kind = Node::Kind::kGroup;
        node.alternatives = read_alternatives(depth + 1);
        if (!take_if(")")) refuse();
        return node;
      case '[':
        node.bytes = read_class();
        return node;
      case '\\':
        node.bytes = read_escape();
        return node;
      case '.':
        node.bytes.set();
        node.bytes.reset('\n');
        return node;
      case '^':
        node.kind = Node::Kind::kBegin;
        return node;
      case '$':
        node.kind = Node::Kind::kEnd;
        return node;
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
        refuse();
      default:
        node.bytes.set(static_cast<unsigned char>(c));
        return node;
    }
  }

  Bytes read_escape() {
    Bytes bytes;
    const char c = take();
    switch (c) {
      case 'd':
      case 'D':
        add_range(bytes, '0', '9');
        break;
      case 'w':
      case 'W':
        add_range(bytes, '0', '9');
        add_range(bytes, 'a', 'z');
        add_range(bytes, 'A', 'Z');
        bytes.set('_');
        break;
      case 's':
      case 'S':
        for (const char blank : {' ', '\t', '\n', '\r', '\f', '\v'}) {
          bytes.set(static_cast<unsigned char>(blank));
        }
        break;
      default:
        // Other letters and digits have meanings of their own.
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
            (c >= 'A' && c <= 'Z')) {
          refuse();
        }
        bytes.set(static_cast<unsigned char>(c));
    }
    return c == 'D' || c == 'W' || c == 'S' ? ~bytes : bytes;
  }

  Bytes read_class() {
    const bool inverts = take_if("^");
    Bytes bytes;
    for (bool first = true; first || !take_if("]"); first = false) {
      const char c = take();
      if (c == '\\') {
        bytes |= read_escape();
        continue;
      }
      if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') {
        bytes.set(static_cast<unsigned char>(c));
        continue;
      }
      take();
      const char last = take();
      if (last < c || last == '\\') refuse();
      add_range(bytes, static_cast<unsigned char>(c),
                static_cast<unsigned char>(last));
    }
    return inverts ? ~bytes : bytes;
  }

  int read_number() {
    int number = 0;
    bool any = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      number = number * 10 + (take() - '0');
      any = true;
      if (number > kMaxRepetitions) refuse();
    }
    if (!any) refuse();
    return number;
  }

  void read_repetition(Node& node) {
    if (take_if("*")) {
      node.least = 0;
      node.most = -1;
    } else if (take_if("+")) {
      node.most = -1;
    } else if (take_if("?")) {
      node.least = 0;
    } else if (take_if("{")) {
      node.least = node.most = read_number();
      if (take_if(",")) {
        node.most = rest_.starts_with('}') ? -1 : read_number();
      }
      if (!take_if("}") || (node.most >= 0 && node.most < node.least)) {
        refuse();
      }
    } else {
      return;
    }
    // Few or many first: the same names fit.
    take_if("?");
  }

  std::size_t add(Step step) {
    if (steps_.size() >= kMaxSteps) refuse();
    steps_.push_back(step);
    return steps_.size() - 1;
  }

  // The step at which to begin so that `next` follows.
  std::size_t build(const std::vector<Nodes>& alternatives, std::size_t next) {
    std::size_t start = 0;
    for (std::size_t i = alternatives.size(); i-- > 0;) {
      std::size_t at = next;
      for (auto node = alternatives[i].rbegin(); node != alternatives[i].rend();
           ++node) {
        at = build_repeated(*node, at);
      }
      start =
          i + 1 == alternatives.size()
              ? at
              : add({.kind = Step::Kind::kFork, .next = at, .other = start});
    }
    return start;
  }

  std::size_t build_repeated(const Node& node, std::size_t next) {
    std::size_t at = next;
    if (node.most < 0) {
      at = add({.kind = Step::Kind::kFork, .next = next, .other = next});
      const std::size_t inner = build_once(node, at);
      steps_[at].next = inner;
    }
    for (int i = node.least; i < node.most; ++i) {
      const std::size_t inner = build_once(node, at);
      at = add({.kind = Step::Kind::kFork, .next = inner, .other = next});
    }
    for (int i = 0; i < node.least; ++i) at = build_once(node, at);
    return at;
  }

  std::size_t build_once(const Node& node, std::size_t next) {
    switch (node.kind) {
      case Node::Kind::kByte:
        return add(
            {.kind = Step::Kind::kByte, .bytes = node.bytes, .next = next});
      case Node::Kind::kBegin:
        return add({.kind = Step::Kind::kBegin, .next = next});
      case Node::Kind::kEnd:
        return add({.kind = Step::Kind::kEnd, .next = next});
      case Node::Kind::kGroup:
        return build(node.alternatives, next);
    }
    return next;
  }

  std::string_view whole_;
  std::string_view rest_;
  std::vector<Step> steps_;
};

NamePattern::NamePattern(std::string_view pattern) {
  NamePatternReader(pattern).read(*this);
}

bool NamePattern::matches(std::string_view text) const {
  std::vector<char> seen(steps_.size());
  std::vector<std::size_t> active;
  std::vector<std::size_t> pending{start_};
  for (std::size_t place = 0;; ++place) {
    const bool at_end = place == text.size();
    seen.assign(steps_.size(), 0);
    active.clear();
    while (!pending.empty()) {
      const std::size_t at = pending.back();
      pending.pop_back();
      if (std::exchange(seen[at], 1) != 0) continue;
      const Step& step = steps_[at];
      switch (step.kind) {
        case Step::Kind::kByte:
          active.push_back(at);
          break;
        case Step::Kind::kFork:
          pending.push_back(step.other);
          pending.push_back(step.next);
          break;
        case Step::Kind::kBegin:
          if (place == 0) pending.push_back(step.next);
          break;
        case Step::Kind::kEnd:
          if (at_end) pending.push_back(step.next);
          break;
        case Step::Kind::kMatch:
          if (at_end) return true;
          break;
      }
    }
    if (at_end || active.empty()) return false;
    for (const std::size_t at : active) {
      const Step& step = steps_[at];
      if (step.bytes.test(static_cast<unsigned char>(text[place]))) {
        pending.push_back(step.next);
      }
    }
  }
}

bool matches_module(std::string_view pattern, std::string_view module) {
  // An empty one would stand for names that end with a dot.
  if (pattern.empty()) return false;
  return NamePattern(fmt::format(R"((.*\.)?({})$)", pattern)).matches(module);
}

}  // namespace abstractllm::io
