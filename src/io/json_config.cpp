// Typed look-ups over a parsed JSON object.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "io/json_text.h"

namespace abstractllm::io {

using nlohmann::json;

struct JsonConfig::Value {
  json object;
  std::string origin;

  const json* find(std::string_view key) const {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
};

namespace {

// What is shown of a value of the wrong type.
constexpr std::size_t kShownCharacters = 60;

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kShownCharacters) {
    text.resize(kShownCharacters);
    text += "...";
  }
  return text;
}

[[noreturn]] void fail(const std::string& origin, std::string_view key,
                       std::string_view expected, const json& found) {
  throw ModelLoadingError(
      fmt::format("[config] {}: '{}': expected {}, found {}", origin, key,
                  expected, shown(found)));
}

std::optional<std::int64_t> as_int(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > std::uint64_t(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    // 2^53: beyond it a double does not say which whole number is meant.
    if (std::trunc(number) == number && std::fabs(number) <= 0x1p53) {
      return static_cast<std::int64_t>(number);
    }
  }
  return std::nullopt;
}

std::optional<double> as_number(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (text == "Infinity") return kInfinity;
    if (text == "-Infinity") return -kInfinity;
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  // {"__float__": "Infinity"}, as newer transformers write it.
  if (value.is_object() && value.size() == 1 && value.contains("__float__")) {
    const json& inner = value["__float__"];
    if (inner.is_string() || inner.is_number()) return as_number(inner);
  }
  return std::nullopt;
}

std::optional<std::string> as_string(const json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

std::optional<bool> as_bool(const json& value) {
  if (!value.is_boolean()) return std::nullopt;
  return value.get<bool>();
}

template <typename Convert>
auto find_as(const json* value, const std::string& origin, std::string_view key,
             std::string_view expected, Convert&& convert)
    -> decltype(convert(*value)) {
  if (value == nullptr) return std::nullopt;
  auto converted = convert(*value);
  if (!converted) fail(origin, key, expected, *value);
  return converted;
}

template <typename Element, typename Convert>
std::optional<std::vector<Element>> find_all(const json* value,
                                             const std::string& origin,
                                             std::string_view key,
                                             std::string_view expected,
                                             Convert&& convert) {
  if (value == nullptr) return std::nullopt;
  std::vector<Element> elements;
  if (!value->is_array()) {
    auto single = convert(*value);
    if (!single) fail(origin, key, expected, *value);
    elements.push_back(std::move(*single));
    return elements;
  }
  elements.reserve(value->size());
  for (const json& item : *value) {
    auto element = convert(item);
    if (!element) fail(origin, key, expected, item);
    elements.push_back(std::move(*element));
  }
  return elements;
}

}  // namespace

JsonConfig::JsonConfig()
    : value_(std::make_shared<Value>(Value{json::object(), "(empty)"})) {}

JsonConfig::JsonConfig(std::shared_ptr<const Value> value)
    : value_(std::move(value)) {}

JsonConfig JsonConfig::load(const std::filesystem::path& path) {
  json object = parse_json_file(path, {.takes_last = true});
  if (!object.is_object()) {
    throw ModelLoadingError(
        fmt::format("[config] {}: expected a JSON object, found {}",
                    path.string(), shown(object)));
  }
  return JsonConfig(
      std::make_shared<const Value>(Value{std::move(object), path.string()}));
}

JsonConfig JsonConfig::parse(std::string_view text, std::string_view origin) {
  json object = parse_json_text(text, origin, {.takes_last = true});
  if (!object.is_object()) {
    throw ModelLoadingError(
        fmt::format("[config] {}: expected a JSON object, found {}", origin,
                    shown(object)));
  }
  return JsonConfig(std::make_shared<const Value>(
      Value{std::move(object), std::string(origin)}));
}

const std::string& JsonConfig::origin() const noexcept {
  return value_->origin;
}

bool JsonConfig::has(std::string_view key) const {
  return value_->find(key) != nullptr;
}

bool JsonConfig::is_null(std::string_view key) const {
  const auto found = value_->object.find(std::string(key));
  return found != value_->object.end() && found->is_null();
}

bool JsonConfig::is_object(std::string_view key) const {
  const json* value = value_->find(key);
  return value != nullptr && value->is_object();
}

bool JsonConfig::is_array(std::string_view key) const {
  const json* value = value_->find(key);
  return value != nullptr && value->is_array();
}

bool JsonConfig::is_string(std::string_view key) const {
  const json* value = value_->find(key);
  return value != nullptr && value->is_string();
}

std::vector<std::string> JsonConfig::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : value_->object.items()) {
    if (!value.is_null()) keys.push_back(key);
  }
  return keys;
}

std::optional<std::int64_t> JsonConfig::find_int(std::string_view key) const {
  return find_as(value_->find(key), origin(), key, "a whole number", as_int);
}

std::optional<double> JsonConfig::find_number(std::string_view key) const {
  return find_as(value_->find(key), origin(), key, "a number", as_number);
}

std::optional<std::string> JsonConfig::find_string(std::string_view key) const {
  return find_as(value_->find(key), origin(), key, "a string", as_string);
}

std::optional<bool> JsonConfig::find_bool(std::string_view key) const {
  return find_as(value_->find(key), origin(), key, "true or false", as_bool);
}

std::optional<JsonConfig> JsonConfig::find_object(std::string_view key) const {
  const json* value = value_->find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) fail(origin(), key, "an object", *value);
  return JsonConfig(std::make_shared<const Value>(
      Value{*value, fmt::format("{}: {}", origin(), key)}));
}

std::optional<std::vector<JsonConfig>> JsonConfig::find_objects(
    std::string_view key) const {
  const json* value = value_->find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) fail(origin(), key, "an array of objects", *value);
  std::vector<JsonConfig> objects;
  for (const json& item : *value) {
    if (!item.is_object()) fail(origin(), key, "an array of objects", item);
    objects.push_back(JsonConfig(std::make_shared<const Value>(Value{
        item, fmt::format("{}: {}[{}]", origin(), key, objects.size())})));
  }
  return objects;
}

std::optional<std::vector<std::int64_t>> JsonConfig::find_ints(
    std::string_view key) const {
  return find_all<std::int64_t>(value_->find(key), origin(), key,
                                "whole numbers", as_int);
}

std::optional<std::vector<double>> JsonConfig::find_numbers(
    std::string_view key) const {
  return find_all<double>(value_->find(key), origin(), key, "numbers",
                          as_number);
}

std::optional<std::vector<std::string>> JsonConfig::find_strings(
    std::string_view key) const {
  return find_all<std::string>(value_->find(key), origin(), key, "strings",
                               as_string);
}

namespace {

template <typename T>
T required(std::optional<T> value, const std::string& origin,
           std::string_view key, std::string_view expected) {
  if (!value) {
    throw ModelLoadingError(
        fmt::format("[config] {}: '{}' is missing, expected {}", origin, key,
                    expected),
        "The file may be of another kind of model, or damaged: fetch it "
        "again.");
  }
  return std::move(*value);
}

}  // namespace

std::int64_t JsonConfig::require_int(std::string_view key) const {
  return required(find_int(key), origin(), key, "a whole number");
}

double JsonConfig::require_number(std::string_view key) const {
  return required(find_number(key), origin(), key, "a number");
}

std::string JsonConfig::require_string(std::string_view key) const {
  return required(find_string(key), origin(), key, "a string");
}

bool JsonConfig::require_bool(std::string_view key) const {
  return required(find_bool(key), origin(), key, "true or false");
}

JsonConfig JsonConfig::require_object(std::string_view key) const {
  return required(find_object(key), origin(), key, "an object");
}

JsonConfig JsonConfig::with_defaults(const JsonConfig& others) const {
  auto merged = std::make_shared<Value>(*value_);
  for (const auto& [key, value] : others.value_->object.items()) {
    if (merged->find(key) == nullptr) merged->object[key] = value;
  }
  return JsonConfig(std::move(merged));
}

JsonConfig JsonConfig::with_field(std::string_view key,
                                  std::string_view value) const {
  auto changed = std::make_shared<Value>(*value_);
  changed->object[std::string(key)] =
      parse_json_text(value, origin(), {.takes_last = true});
  return JsonConfig(std::move(changed));
}

std::string JsonConfig::to_json() const { return value_->object.dump(); }

std::optional<std::string> JsonConfig::find_json(std::string_view key) const {
  const json* value = value_->find(key);
  if (value == nullptr) return std::nullopt;
  return value->dump();
}

}  // namespace abstractllm::io
