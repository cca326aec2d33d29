// One message as JSON, in the shape that OpenAI's API made common.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "abstractllm/message.h"

namespace abstractllm::session {

/// Where in a file a message stands, for errors. Contents are never quoted.
struct MessagePlace {
  std::string_view where;
  std::size_t message = 0;  ///< counts from 1

  /// Throws InvalidRequestError.
  [[noreturn]] void fail(std::string_view what) const;
};

/// Reads what either of the functions below wrote: `content` as text or as a
/// list of text and image parts (data: URL, URL or path), tool calls and tool
/// results. Throws InvalidRequestError.
Message parse_message(const nlohmann::ordered_json& json,
                      const MessagePlace& place);

/// The common shape. Text parts are joined, and of several tool results the
/// first is taken: the shape has one a message.
nlohmann::ordered_json message_json(const Message& message);

/// The same, and `parts` beside it where the common shape would lose
/// something: reading gives the same parts.
nlohmann::ordered_json exact_message_json(const Message& message);

}  // namespace abstractllm::session
