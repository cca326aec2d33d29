// One generation parameter from text as a person types it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <concepts>

#include "abstractllm/error.h"
#include "abstractllm/parameters.h"
#include "types/parameter_fields.h"

namespace abstractllm {
namespace {

template <typename Number>
requires std::integral<Number> || std::floating_point<Number>
bool read(std::string_view text, Number& value) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

bool read(std::string_view text, bool& value) {
  value = text == "true" || text == "on";
  return value || text == "false" || text == "off";
}

bool read(std::string_view text, std::vector<std::string>& values) {
  values = {std::string(text)};
  return true;
}

// Calls `each` for the pieces between commas; stops at the first false.
template <typename Each>
bool read_list(std::string_view text, Each&& each) {
  while (true) {
    const std::size_t comma = text.find(',');
    if (!each(text.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool read(std::string_view text, std::vector<std::int32_t>& values) {
  return read_list(text, [&](std::string_view piece) {
    return read(piece, values.emplace_back());
  });
}

bool read(std::string_view text, std::map<std::int32_t, double>& values) {
  return read_list(text, [&](std::string_view piece) {
    const std::size_t equals = piece.find('=');
    std::int32_t id = 0;
    return equals != std::string_view::npos &&
           read(piece.substr(0, equals), id) &&
           read(piece.substr(equals + 1), values[id]);
  });
}

}  // namespace

void set_parameter(GenerationParameters& parameters, std::string_view name,
                   std::string_view value) {
  std::string key(name);
  std::replace(key.begin(), key.end(), '-', '_');
  const bool known =
      types::visit_field(types::canonical_name(key), [&](const auto& field) {
        std::optional<typename std::decay_t<decltype(field)>::Value> given;
        if (value != "null" && !read(value, given.emplace())) {
          types::throw_bad_value(field.name, '\'' + std::string(value) + '\'',
                                 field.range.text);
        }
        GenerationParameters changed = parameters;
        changed.*field.member = std::move(given);
        types::check_field(field, changed);
        parameters = std::move(changed);
      });
  if (!known) types::throw_unknown_name(name);
}

}  // namespace abstractllm
