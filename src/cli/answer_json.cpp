// An answer for programs.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "cli/answer.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

// A token can be a part of a character, so its bytes stand beside its text.
Json token_json(std::int32_t id, const std::string& bytes, double logprob) {
  Json numbers = Json::array();
  for (const unsigned char byte : bytes) numbers.push_back(byte);
  return {{"token_id", id},
          {"token", base::replace_invalid_utf8(bytes)},
          {"bytes", std::move(numbers)},
          {"logprob", logprob}};
}

Json logprobs_json(const std::vector<TokenLogprob>& logprobs) {
  Json list = Json::array();
  for (const TokenLogprob& entry : logprobs) {
    Json token = token_json(entry.token_id, entry.bytes, entry.logprob);
    token["top_logprobs"] = Json::array();
    for (const auto& other : entry.top) {
      token["top_logprobs"].push_back(
          token_json(other.token_id, other.bytes, other.logprob));
    }
    list.push_back(std::move(token));
  }
  return list;
}

// Of the image's sides, 0 to 1 from the upper left.
Json detection_json(const output::Detection& found) {
  Json json = {{"label", found.label},
               {"box",
                {{"left", found.left},
                 {"top", found.top},
                 {"right", found.right},
                 {"bottom", found.bottom}}}};
  if (!found.mask_codes.empty()) json["mask_codes"] = found.mask_codes;
  return json;
}

}  // namespace

std::string answer_json(const GenerateResponse& response,
                        std::string_view provider, double load_seconds,
                        const std::vector<output::Detection>& detections) {
  Json json = {{"provider", std::string(provider)},
               {"model", response.model},
               {"content", response.content},
               {"finish_reason", to_string(response.finish_reason)}};
  if (!response.reasoning.empty()) json["reasoning"] = response.reasoning;
  if (!response.stop_text.empty()) json["stop_text"] = response.stop_text;
  for (const ToolCall& call : response.tool_calls) {
    json["tool_calls"].push_back(
        {{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
  }
  for (const output::Detection& found : detections) {
    json["detections"].push_back(detection_json(found));
  }
  const Usage& usage = response.usage;
  json["usage"] = {{"prompt_tokens", usage.prompt_tokens},
                   {"cached_tokens", usage.cached_tokens},
                   {"completion_tokens", usage.completion_tokens},
                   {"total_tokens", usage.total_tokens()}};
  const Timings& timings = response.timings;
  json["timings"] = {
      {"load_seconds", load_seconds},
      {"queue_seconds", timings.queue_seconds},
      {"prefill_seconds", timings.prefill_seconds},
      {"time_to_first_token_seconds", timings.time_to_first_token_seconds},
      {"decode_seconds", timings.decode_seconds}};
  if (!response.logprobs.empty()) {
    json["logprobs"] = logprobs_json(response.logprobs);
  }
  if (!response.token_ids.empty()) json["token_ids"] = response.token_ids;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace abstractllm::cli
