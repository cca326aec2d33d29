// Lenient reading: a service may leave out or null every field.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/json.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/json_text.h"

namespace abstractllm::providers {

Json parse_wire_json(std::string_view text, const std::string& provider) {
  Json json = base::parse_json(text);
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
  Json json = base::parse_json(text);
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
