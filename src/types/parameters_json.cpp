// Generation parameters from and to JSON.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "abstractllm/parameters.h"
#include "base/json_text.h"
#include "types/parameter_fields.h"

namespace abstractllm {
namespace {

using Json = nlohmann::ordered_json;

// 2^53: up to here every whole number has a double of its own.
constexpr double kMaxExactDouble = 9007199254740992.0;

// Texts are not shown: a stop text can be a piece of a prompt.
std::string shown(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    double number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec == std::errc{} && parsed.ptr == end) {
      return "the text \"" + text + "\"";
    }
    return "a text";
  }
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return value.dump();
}

bool read(const Json& json, bool& value) {
  if (!json.is_boolean()) return false;
  value = json.get<bool>();
  return true;
}

bool read(const Json& json, double& value) {
  if (!json.is_number()) return false;
  value = json.get<double>();
  return true;
}

bool read(const Json& json, std::string& value) {
  if (!json.is_string()) return false;
  value = json.get<std::string>();
  return true;
}

// A whole number may be written as 40.0: JSON has only one kind of number.
template <typename Integer>
requires std::is_integral_v<Integer>
bool read(const Json& json, Integer& value) {
  if (json.is_number_unsigned()) {
    const auto number = json.get<std::uint64_t>();
    if (!std::in_range<Integer>(number)) return false;
    value = static_cast<Integer>(number);
    return true;
  }
  if (json.is_number_integer()) {
    const auto number = json.get<std::int64_t>();
    if (!std::in_range<Integer>(number)) return false;
    value = static_cast<Integer>(number);
    return true;
  }
  if (!json.is_number_float()) return false;
  const auto number = json.get<double>();
  if (std::trunc(number) != number || std::abs(number) > kMaxExactDouble ||
      !std::in_range<Integer>(static_cast<std::int64_t>(number))) {
    return false;
  }
  value = static_cast<Integer>(number);
  return true;
}

template <typename T>
bool read(const Json& json, std::vector<T>& values) {
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    if (!read(item, values.emplace_back())) return false;
  }
  return true;
}

bool read(const Json& json, std::vector<std::string>& values) {
  if (json.is_string()) {
    values = {json.get<std::string>()};
    return true;
  }
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    if (!read(item, values.emplace_back())) return false;
  }
  return true;
}

bool read(const Json& json, std::map<std::int32_t, double>& values) {
  if (!json.is_object()) return false;
  for (const auto& [key, bias] : json.items()) {
    std::int32_t id = 0;
    const char* end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, id);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return false;
    if (!read(bias, values[id])) return false;
  }
  return true;
}

Json parse_object(std::string_view text) {
  Json json = base::parse_json(text);
  if (json.is_discarded()) {
    throw InvalidParameterError("[parameters] the text is not valid JSON",
                                "Give a JSON object such as "
                                "{\"temperature\": 0.7}.");
  }
  if (!json.is_object()) {
    throw InvalidParameterError(
        fmt::format("[parameters] a JSON object is needed, not {}",
                    shown(json)),
        "Give a JSON object such as {\"temperature\": 0.7}.");
  }
  return json;
}

Json written(const std::map<std::int32_t, double>& values) {
  Json object = Json::object();
  for (const auto& [id, bias] : values) object[std::to_string(id)] = bias;
  return object;
}

template <typename T>
Json written(const T& value) {
  return value;
}

void read_member(const std::string& key, const Json& json,
                 GenerationParameters& parameters) {
  const auto take = [&](const auto& field) {
    if (json.is_null()) return;
    typename std::decay_t<decltype(field)>::Value value{};
    if (!read(json, value)) {
      types::throw_bad_value(key, shown(json), field.range.text);
    }
    auto& present = parameters.*field.member;
    if (present && *present != value) {
      throw InvalidParameterError(
          fmt::format("[parameters] {} is given twice with different values",
                      field.name),
          fmt::format("{} is another name of {}; give one.", key, field.name));
    }
    present = std::move(value);
  };
  if (!types::visit_field(types::canonical_name(key), take)) {
    types::throw_unknown_name(key);
  }
}

}  // namespace

GenerationParameters parse_generation_parameters(std::string_view json) {
  GenerationParameters parameters;
  const Json object = parse_object(json);
  for (const auto& item : object.items()) {
    read_member(item.key(), item.value(), parameters);
  }
  validate(parameters);
  return parameters;
}

std::string to_json(const GenerationParameters& parameters) {
  Json object = Json::object();
  types::for_each_field([&](const auto& field) {
    const auto& value = parameters.*field.member;
    if (value) object[std::string(field.name)] = written(*value);
  });
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace abstractllm
