// A conversation as one provider can take it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "abstractllm/session.h"

namespace abstractllm::session {

/// Who is going to read the conversation.
struct Reader {
  std::string_view provider;
  std::string_view model;
  Capabilities capabilities;
};

/// The messages from `first` on. Of other models' answers the reasoning and
/// the token ids are left out. For a reader without tools, calls become text of
/// the assistant and results text of the user. Throws UnsupportedFeatureError
/// for an image if it reads none.
std::vector<Message> view_for(const std::vector<SessionMessage>& messages,
                              std::size_t first, const Reader& reader);

}  // namespace abstractllm::session
