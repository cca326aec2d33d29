// A SAX reader that builds a nlohmann value and enforces the limits.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "io/stored_tensor.h"

namespace abstractllm::io {
namespace {

using nlohmann::json;

class Builder : public json::json_sax_t {
 public:
  Builder(std::string_view origin, const JsonLimits& limits)
      : origin_(origin),
        depth_limit_(limits.depth),
        takes_last_(limits.takes_last) {}

  bool null() override { return put(json(nullptr)); }
  bool boolean(bool value) override { return put(json(value)); }
  bool number_integer(json::number_integer_t value) override {
    return put(json(value));
  }
  bool number_unsigned(json::number_unsigned_t value) override {
    return put(json(value));
  }
  bool number_float(json::number_float_t value, const std::string&) override {
    return put(json(value));
  }
  bool string(std::string& value) override {
    return put(json(std::move(value)));
  }
  bool binary(json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    if (!takes_last_ && open_.back()->contains(name)) {
      throw ModelLoadingError(
          fmt::format("[json] {}: the name '{}' is given twice in one object",
                      origin_, name));
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const json::exception& error) override {
    // The library's text repeats its own class and number first.
    std::string reason = error.what();
    if (const auto end = reason.find("] "); end != std::string::npos) {
      reason.erase(0, end + 2);
    }
    throw ModelLoadingError(
        fmt::format("[json] {}: not valid JSON at byte {}: {}", origin_,
                    position, reason),
        "The file may be incomplete: fetch it again.");
  }

  json take() { return std::move(root_); }

 private:
  bool put(json value) {
    place(std::move(value));
    return true;
  }

  bool open(json value) {
    if (static_cast<int>(open_.size()) >= depth_limit_) {
      throw ModelLoadingError(fmt::format(
          "[json] {}: nested deeper than {} levels", origin_, depth_limit_));
    }
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent[key_] = std::move(value));
  }

  std::string origin_;
  int depth_limit_;
  bool takes_last_;
  json root_;
  std::vector<json*> open_;
  std::string key_;
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c >= '0' && c <= '9');
}

// Python's json module writes these three outside strings.
std::string quote_python_floats(std::string_view text) {
  constexpr std::string_view kWords[] = {"-Infinity", "Infinity", "NaN"};
  std::string result;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      result += c;
      if (c == '\\' && i + 1 < text.size()) {
        result += text[++i];
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    in_string = c == '"';
    bool replaced = false;
    for (const std::string_view word : kWords) {
      const std::size_t end = i + word.size();
      if (text.substr(i, word.size()) == word &&
          (i == 0 || !is_word(text[i - 1])) &&
          (end == text.size() || !is_word(text[end]))) {
        result += '"';
        result += word;
        result += '"';
        i = end - 1;
        replaced = true;
        break;
      }
    }
    if (!replaced) result += c;
  }
  return result;
}

}  // namespace

json parse_json_text(std::string_view text, std::string_view origin,
                     const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    throw ModelLoadingError(
        fmt::format("[json] {}: {} bytes, more than the limit of {}", origin,
                    text.size(), limits.bytes));
  }
  std::string quoted;
  if (text.find("Infinity") != text.npos || text.find("NaN") != text.npos) {
    quoted = quote_python_floats(text);
    text = quoted;
  }
  Builder builder(origin, limits);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

json parse_json_file(const std::filesystem::path& path,
                     const JsonLimits& limits) {
  const auto file = map_model_file(path);
  const auto bytes = file->bytes();
  return parse_json_text(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
      path.string(), limits);
}

}  // namespace abstractllm::io
