// Which tokens end an answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace abstractllm::io {
class JsonConfig;
}

namespace abstractllm::families {

struct MLXModelConfig;

/// Where end tokens are written down. All fields may be empty.
struct EndTokenSources {
  const io::JsonConfig* config = nullptr;             // config.json
  const io::JsonConfig* generation_config = nullptr;  // generation_config.json
  std::vector<std::int32_t> tokenizer_ids;  ///< the tokenizer's own eos and eot
  std::string_view chat_template;
  const MLXModelConfig* family = nullptr;
  /// Id of a special token by its text.
  std::function<std::optional<std::int32_t>(std::string_view)> special_token;
};

/// The union of all sources, and of the turn end that the template writes:
/// a model that ends its turns with another token than its eos would otherwise
/// never stop. Sorted, each id once.
std::vector<std::int32_t> end_tokens(const EndTokenSources& sources);

}  // namespace abstractllm::families
