// What changes when a conversation goes to another model.
// SPDX-License-Identifier: Apache-2.0
#include "session/provider_view.h"

#include <fmt/format.h>

#include "abstractllm/error.h"

namespace abstractllm::session {
namespace {

class View {
 public:
  explicit View(const Reader& reader)
      : reader_(reader),
        tools_(reader.capabilities.supports(ModelCapability::kTools)),
        vision_(reader.capabilities.supports(ModelCapability::kVision)) {}

  Message of(const SessionMessage& entry, std::size_t index) {
    const bool own =
        entry.provider == reader_.provider && entry.model == reader_.model;
    Message seen{entry.message.role, {}, {}};
    if (seen.role == Role::kTool && !tools_) seen.role = Role::kUser;
    if (own) seen.token_ids = entry.message.token_ids;
    for (const Part& part : entry.message.parts) {
      if (!own && std::holds_alternative<ReasoningPart>(part)) continue;
      if (!vision_ && std::holds_alternative<ImagePart>(part)) {
        refuse_image(index);
      }
      seen.parts.push_back(tools_ ? part : as_text(part));
    }
    // An answer of nothing but another model's thoughts.
    if (seen.parts.empty()) seen.parts.push_back(TextPart{});
    return seen;
  }

 private:
  static Part as_text(const Part& part) {
    if (const auto* call = std::get_if<ToolCall>(&part)) {
      return TextPart{
          fmt::format("[call of {} with {}]", call->name, call->arguments)};
    }
    if (const auto* result = std::get_if<ToolResult>(&part)) {
      return TextPart{fmt::format("[{} of {}: {}]",
                                  result->is_error ? "error" : "result",
                                  result->name, result->output)};
    }
    return part;
  }

  [[noreturn]] void refuse_image(std::size_t index) const {
    throw UnsupportedFeatureError(
        fmt::format("[session] message {} has an image, and '{}' of the "
                    "provider {} reads none",
                    index + 1, reader_.model, reader_.provider),
        "Use a model with vision, or begin a new session.",
        std::string(reader_.provider));
  }

  const Reader& reader_;
  const bool tools_;
  const bool vision_;
};

}  // namespace

std::vector<Message> view_for(const std::vector<SessionMessage>& messages,
                              std::size_t first, const Reader& reader) {
  View view(reader);
  std::vector<Message> seen;
  for (std::size_t i = first; i < messages.size(); ++i) {
    seen.push_back(view.of(messages[i], i));
  }
  return seen;
}

}  // namespace abstractllm::session
