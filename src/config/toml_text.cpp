// The one file that knows toml++.
// SPDX-License-Identifier: Apache-2.0
#include "config/toml_text.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "abstractllm/error.h"

namespace abstractllm::config {
namespace {

toml::table parsed(std::string_view text, std::string_view where) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw InvalidRequestError(
        fmt::format("[config] {}, line {}: {}", where,
                    error.source().begin.line, error.description()),
        "See docs/configuration.md for what it holds.");
  }
}

// Where a position is, in bytes. Lines and columns count from 1, columns in
// code points.
std::size_t offset_of(std::string_view text, toml::source_position position) {
  std::size_t offset = 0;
  for (toml::source_index line = 1; line < position.line; ++line) {
    offset = std::min(text.find('\n', offset), text.size() - 1) + 1;
  }
  for (toml::source_index column = 1;
       column < position.column && offset < text.size(); ++column) {
    do {
      ++offset;
    } while (offset < text.size() && (text[offset] & 0xC0) == 0x80);
  }
  return offset;
}

std::string quoted_key(const std::string& key) {
  const bool bare =
      !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  return bare ? key : toml_string(key);
}

[[noreturn]] void fail(std::string_view what) {
  throw InvalidRequestError(fmt::format("[config] {}", what),
                            "Change the file by hand.");
}

}  // namespace

nlohmann::ordered_json parse_toml(std::string_view text,
                                  std::string_view where) {
  std::ostringstream json;
  json << toml::json_formatter{parsed(text, where)};
  return nlohmann::ordered_json::parse(json.str());
}

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::vector<std::string> split_key(std::string_view key) {
  std::vector<std::string> parts;
  try {
    const toml::table table = toml::parse(std::string(key) + " = 0");
    const toml::table* at = &table;
    while (at != nullptr && at->size() == 1) {
      const auto only = at->begin();
      parts.emplace_back(only->first.str());
      at = only->second.as_table();
    }
  } catch (const toml::parse_error&) {
    parts.clear();
  }
  if (!parts.empty()) return parts;
  throw InvalidRequestError(fmt::format("[config] '{}' is no key", key),
                            "A key looks like providers.openai.base_url.");
}

std::string set_toml_value(std::string_view text,
                           std::span<const std::string> keys,
                           std::string_view literal) {
  try {
    const toml::table probe = toml::parse(fmt::format("x = {}", literal));
    if (probe.size() != 1) fail("the value is not one TOML value");
  } catch (const toml::parse_error& error) {
    fail(fmt::format("the value is no TOML: {}", error.description()));
  }
  const toml::table root = parsed(text, "the file");
  const toml::table* table = &root;
  std::size_t depth = 0;
  for (; depth + 1 < keys.size(); ++depth) {
    const toml::node* next = table->get(keys[depth]);
    if (next == nullptr) break;
    if (!next->is_table()) fail(fmt::format("'{}' is no table", keys[depth]));
    table = next->as_table();
  }
  std::string changed(text);
  const std::string line =
      fmt::format("{} = {}\n", quoted_key(keys.back()), literal);
  if (depth + 1 == keys.size()) {
    if (const toml::node* node = table->get(keys.back())) {
      if (node->is_table()) fail(fmt::format("'{}' is a table", keys.back()));
      const std::size_t begin = offset_of(text, node->source().begin);
      const std::size_t end = offset_of(text, node->source().end);
      return changed.replace(begin, end - begin, literal);
    }
    if (table == &root) return line + changed;
    if (table->is_inline()) fail("the table is written on one line");
    const std::size_t header = offset_of(text, table->source().begin);
    // A table that only stands in the names of others has no line of its own.
    std::string name;
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
      name += (i == 0 ? "" : ".") + quoted_key(keys[i]);
    }
    const std::size_t end = changed.find('\n', header);
    if (text.substr(header).starts_with("[" + name + "]")) {
      if (end == std::string::npos) return changed + "\n" + line;
      return changed.insert(end + 1, line);
    }
  }
  if (!changed.empty() && !changed.ends_with('\n')) changed += '\n';
  std::string name;
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    name += (i == 0 ? "" : ".") + quoted_key(keys[i]);
  }
  if (name.empty()) return line + changed;
  return changed + fmt::format("\n[{}]\n{}", name, line);
}

}  // namespace abstractllm::config
