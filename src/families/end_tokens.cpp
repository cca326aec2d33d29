// The union of end tokens.
// SPDX-License-Identifier: Apache-2.0
#include "families/end_tokens.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "families/family.h"
#include "io/json_config.h"

namespace abstractllm::families {

namespace {

// Special tokens that do nothing but end a turn, in the templates of published
// models.
constexpr std::array<std::string_view, 9> kTurnEnds{
    "<|im_end|>",    "<|eot_id|>", "<|eom_id|>",
    "<end_of_turn>", "<|end|>",    "<|END_OF_TURN_TOKEN|>",
    "<|return|>",    "<turn|>",    "<|endofturn|>"};

// Of a config that does not say it, whatever an id can be.
std::int64_t vocabulary_of(const io::JsonConfig* config) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (config == nullptr) return kMost;
  const std::int64_t said = config->find_int("vocab_size").value_or(0);
  return said > 0 ? std::min(said, kMost) : kMost;
}

}  // namespace

std::vector<std::int32_t> end_tokens(const EndTokenSources& sources) {
  std::set<std::int32_t> ids(sources.tokenizer_ids.begin(),
                             sources.tokenizer_ids.end());
  const std::int64_t vocabulary = vocabulary_of(sources.config);
  for (const io::JsonConfig* config :
       {sources.config, sources.generation_config}) {
    if (config == nullptr) continue;
    // An id that no token has ends nothing.
    for (const std::int64_t id : config->find_ints("eos_token_id")
                                     .value_or(std::vector<std::int64_t>{})) {
      if (id >= 0 && id < vocabulary) ids.insert(static_cast<std::int32_t>(id));
    }
  }
  static const MLXModelConfig kNone;
  const MLXModelConfig& family =
      sources.family == nullptr ? kNone : *sources.family;
  std::vector<std::string_view> marks = family.end_tokens;
  for (const std::string_view mark : kTurnEnds) {
    const bool is_inner =
        std::find(family.inner_tokens.begin(), family.inner_tokens.end(),
                  mark) != family.inner_tokens.end();
    if (!is_inner &&
        sources.chat_template.find(mark) != std::string_view::npos) {
      marks.push_back(mark);
    }
  }
  for (const std::string_view mark : marks) {
    if (const auto id = sources.special_token(mark)) ids.insert(*id);
  }
  return {ids.begin(), ids.end()};
}

}  // namespace abstractllm::families
