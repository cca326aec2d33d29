// Log-probabilities, images and calls in OpenAI's shapes.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_parts.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "providers/wire/images.h"
#include "providers/wire/json.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

// The bytes where the service gives them: a token is not always whole UTF-8.
std::string token_bytes(const Json& entry) {
  const Json& list = member(entry, "bytes");
  if (!list.is_array()) return text_at(entry, "token");
  std::string bytes;
  for (const Json& byte : list) {
    if (byte.is_number_integer()) {
      bytes += static_cast<char>(byte.get<std::int64_t>() & 0xFF);
    }
  }
  return bytes;
}

}  // namespace

std::vector<TokenLogprob> read_logprobs(const Json& list) {
  std::vector<TokenLogprob> logprobs;
  if (!list.is_array()) return logprobs;
  for (const Json& entry : list) {
    TokenLogprob logprob;
    logprob.token_id = -1;
    logprob.bytes = token_bytes(entry);
    logprob.logprob = number_at(entry, "logprob");
    const Json& top = member(entry, "top_logprobs");
    if (top.is_array()) {
      for (const Json& other : top) {
        logprob.top.push_back(
            {-1, token_bytes(other), number_at(other, "logprob")});
      }
    }
    logprobs.push_back(std::move(logprob));
  }
  return logprobs;
}

std::string image_url(const ImagePart& image, const std::string& provider) {
  check_image(image, provider);
  return image.url.empty() ? encode_image(image, provider).data_url()
                           : image.url;
}

std::vector<ToolCall> whole_calls(std::vector<ToolCall> calls,
                                  FinishReason reason) {
  std::vector<ToolCall> whole;
  for (ToolCall& call : calls) {
    if (call.arguments.empty()) call.arguments = "{}";
    if (reason == FinishReason::kLength && !base::is_json(call.arguments)) {
      continue;
    }
    if (call.id.empty()) call.id = new_call_id();
    whole.push_back(std::move(call));
  }
  return whole;
}

}  // namespace abstractllm::providers
