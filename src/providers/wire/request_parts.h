// What every dialect asks of a request before it writes it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/request.h"

namespace abstractllm::providers {

/// Throws InvalidRequestError unless exactly one of messages and prompt is
/// given, for a system prompt given twice and for tool options without tools;
/// UnsupportedFeatureError for token ids, template variables, forms of answers
/// that are not JSON, and a raw prompt where the provider takes none.
void check_request(const Request& request, const std::string& provider,
                   bool takes_raw_prompt);

/// The system prompt or the texts of all system messages, joined by blank
/// lines; nothing when there is none.
std::optional<std::string> system_text(const Request& request);

/// The messages but those of the role system.
std::vector<const Message*> turns(const Request& request);

/// {"anthropic": VALUE} as text, for ReasoningPart::replay.
std::string pack_replay(std::string_view service,
                        const nlohmann::ordered_json& value);
/// VALUE if `replay` is of `service`, else null.
nlohmann::ordered_json unpack_replay(std::string_view service,
                                     const std::string& replay);

/// The arguments of a call of the history as an object. What a model wrote that
/// is none goes as {"_raw": text}: it was answered with an error, which the
/// model has to see beside it.
nlohmann::ordered_json history_arguments(const std::string& arguments);

/// The same as text: what is an object goes as it was written.
std::string arguments_text(const std::string& arguments);

/// Throws UnsupportedFeatureError for a level of image detail other than "auto"
/// in the messages after the last answer. What was said before may have come
/// from another provider: there it is passed over.
void refuse_detail(const Request& request, const std::string& provider);

/// "call_" and 8 hexadecimal digits, for services that give no id.
std::string new_call_id();

/// Throws UnsupportedFeatureError: `what` ("image URLs") is not supported.
[[noreturn]] void refuse_feature(std::string_view what,
                                 const std::string& provider, std::string hint);

}  // namespace abstractllm::providers
