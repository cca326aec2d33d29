// Lenient reading: a service may leave out or null every field.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/json.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"

namespace abstractllm::providers {
namespace {

constexpr int kMaxDepth = 128;

// Whether brackets outside of strings nest deeper than kMaxDepth: values are
// read and destroyed by recursion.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

Json parse_quietly(std::string_view text) {
  if (is_too_deep(text)) return Json::value_t::discarded;
  return Json::parse(text, nullptr, /* allow_exceptions = */ false);
}

}  // namespace

Json parse_wire_json(std::string_view text, const std::string& provider) {
  Json json = parse_quietly(text);
  if (json.is_discarded()) {
    throw ProviderAPIError(
        "[" + provider + "] the service sent " + std::to_string(text.size()) +
            " bytes that are not valid JSON",
        "Is base_url the address of such a service? A proxy may answer in its "
        "place.",
        provider);
  }
  return json;
}

Json parse_object(std::string_view text, std::string_view what,
                  const std::string& provider) {
  Json json = parse_quietly(text);
  if (!json.is_object()) {
    throw InvalidRequestError("[" + provider + "] " + std::string(what) +
                                  " must be a JSON object as text",
                              {}, provider);
  }
  return json;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json& member(const Json& json, std::string_view name) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(name);
  return found == json.end() ? kNull : *found;
}

std::string text_at(const Json& json, std::string_view name) {
  const Json& value = member(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

double number_at(const Json& json, std::string_view name) {
  const Json& value = member(json, name);
  return value.is_number() ? value.get<double>() : 0;
}

int int_at(const Json& json, std::string_view name) {
  const double number = number_at(json, name);
  constexpr double kLimit = std::numeric_limits<int>::max();
  return number >= -kLimit && number <= kLimit ? static_cast<int>(number) : 0;
}

}  // namespace abstractllm::providers
