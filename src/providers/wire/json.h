// JSON of services: parsed with care, read without surprises.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace abstractllm::providers {

using Json = nlohmann::ordered_json;

/// Parses what a service sent. Throws ProviderAPIError, without the text, for
/// what is no JSON or nested deeper than 128 levels.
Json parse_wire_json(std::string_view text, const std::string& provider);

/// Parses what the caller gave as JSON text (arguments, schemas): `what` names
/// it. Throws InvalidRequestError unless it is a JSON object.
Json parse_object(std::string_view text, std::string_view what,
                  const std::string& provider);

/// `json` as text, for the wire.
std::string dump(const Json& json);

/// The member `name`, or null for every absence: no object, no such member.
const Json& member(const Json& json, std::string_view name);

/// The member as text; empty where it is no string.
std::string text_at(const Json& json, std::string_view name);

/// The member as a number; 0 where it is none or does not fit.
int int_at(const Json& json, std::string_view name);
double number_at(const Json& json, std::string_view name);

}  // namespace abstractllm::providers
