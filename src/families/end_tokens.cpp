// The union of end tokens.
// SPDX-License-Identifier: Apache-2.0
#include "families/end_tokens.h"

#include <array>
#include <set>

#include "io/json_config.h"

namespace abstractllm::families {

namespace {

// Special tokens that do nothing but end a turn, in the templates of published
// models.
constexpr std::array<std::string_view, 9> kTurnEnds{
    "<|im_end|>",    "<|eot_id|>", "<|eom_id|>",
    "<end_of_turn>", "<|end|>",    "<|END_OF_TURN_TOKEN|>",
    "<|return|>",    "<turn|>",    "<|endofturn|>"};

}  // namespace

std::vector<std::int32_t> end_tokens(const EndTokenSources& sources) {
  std::set<std::int32_t> ids(sources.tokenizer_ids.begin(),
                             sources.tokenizer_ids.end());
  for (const io::JsonConfig* config :
       {sources.config, sources.generation_config}) {
    if (config == nullptr) continue;
    for (const std::int64_t id : config->find_ints("eos_token_id")
                                     .value_or(std::vector<std::int64_t>{})) {
      ids.insert(static_cast<std::int32_t>(id));
    }
  }
  for (const std::string_view marker : kTurnEnds) {
    if (sources.chat_template.find(marker) == std::string_view::npos) continue;
    if (const auto id = sources.special_token(marker)) ids.insert(*id);
  }
  return {ids.begin(), ids.end()};
}

}  // namespace abstractllm::families
