// What services demand of a schema.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/native_schema.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "providers/wire/json.h"

namespace abstractllm::providers {
namespace {

using Json = nlohmann::ordered_json;

// A schema that nests deeper is sent as it stands, for the service to refuse.
constexpr int kMostDepth = 64;

// Keywords whose value is a schema, or an array of them; and those whose values
// are schemas by name.
constexpr std::array kSchemaKeys{"items", "prefixItems", "anyOf", "oneOf"};
constexpr std::array kNamedSchemaKeys{"properties", "$defs", "definitions"};

// Of OpenAI's subset.
constexpr std::array<std::string_view, 23> kStrictKeys{"type",
                                                       "properties",
                                                       "required",
                                                       "items",
                                                       "additionalProperties",
                                                       "enum",
                                                       "const",
                                                       "anyOf",
                                                       "$ref",
                                                       "$defs",
                                                       "definitions",
                                                       "description",
                                                       "title",
                                                       "pattern",
                                                       "format",
                                                       "minimum",
                                                       "maximum",
                                                       "exclusiveMinimum",
                                                       "multipleOf",
                                                       "exclusiveMaximum",
                                                       "minItems",
                                                       "maxItems",
                                                       "$schema"};

template <typename Value, typename Visit>
void for_each_part(Value& schema, const Visit& visit) {
  for (const char* key : kSchemaKeys) {
    const auto found = schema.find(key);
    if (found == schema.end()) continue;
    if (!found->is_array()) {
      visit(*found);
      continue;
    }
    for (auto& item : *found) visit(item);
  }
  for (const char* key : kNamedSchemaKeys) {
    const auto found = schema.find(key);
    if (found == schema.end() || !found->is_object()) continue;
    for (auto& [name, value] : found->items()) visit(value);
  }
}

void close(Json& schema, int depth) {
  if (!schema.is_object() || depth > kMostDepth) return;
  const bool plain = schema.contains("properties") &&
                     !schema.contains("additionalProperties") &&
                     !schema.contains("patternProperties") &&
                     !schema.contains("unevaluatedProperties") &&
                     !schema.contains("anyOf") && !schema.contains("oneOf") &&
                     !schema.contains("$ref");
  if (plain) schema["additionalProperties"] = false;
  for_each_part(schema, [&](Json& part) { close(part, depth + 1); });
}

bool is_closed_object(const Json& schema) {
  const Json none = Json::object();
  const auto properties = schema.find("properties");
  const Json& named = properties == schema.end() ? none : *properties;
  if (!named.is_object() ||
      schema.value("additionalProperties", Json(true)) != Json(false)) {
    return false;
  }
  const Json required = schema.value("required", Json::array());
  return required.is_array() &&
         std::all_of(
             named.items().begin(), named.items().end(), [&](const auto& item) {
               return std::find(required.begin(), required.end(), item.key()) !=
                      required.end();
             });
}

bool is_object_type(const Json& schema) {
  const auto type = schema.find("type");
  if (type == schema.end()) return schema.contains("properties");
  return *type == "object" ||
         (type->is_array() &&
          std::find(type->begin(), type->end(), "object") != type->end());
}

bool is_strict(const Json& schema, int depth) {
  if (!schema.is_object() || depth > kMostDepth) return false;
  for (const auto& [key, value] : schema.items()) {
    if (std::find(kStrictKeys.begin(), kStrictKeys.end(), key) ==
        kStrictKeys.end()) {
      return false;
    }
  }
  if (is_object_type(schema) && !is_closed_object(schema)) return false;
  bool all = true;
  for_each_part(schema, [&](const Json& part) {
    all = all && is_strict(part, depth + 1);
  });
  return all;
}

}  // namespace

Json closed_for_services(Json schema) {
  const std::string text =
      schema.dump(-1, ' ', false, Json::error_handler_t::replace);
  const bool joins = text.find("\"allOf\"") != std::string::npos ||
                     text.find("\"if\"") != std::string::npos ||
                     text.find("\"dependentSchemas\"") != std::string::npos;
  if (!joins) close(schema, 0);
  return schema;
}

bool fits_strict_mode(const Json& schema) {
  return schema.is_object() && schema.value("type", Json()) == "object" &&
         !schema.contains("anyOf") && is_strict(schema, 0);
}

Json named_schema(const ResponseFormat& format, const std::string& provider) {
  Json schema =
      parse_object(format.schema, "the schema of response_format", provider);
  Json closed = closed_for_services(schema);
  const bool strict = fits_strict_mode(closed);
  return {{"name", format.name},
          {"schema", strict ? std::move(closed) : std::move(schema)},
          {"strict", strict}};
}

}  // namespace abstractllm::providers
