// A chat template of words that every tokenizer knows.
// SPDX-License-Identifier: Apache-2.0
#include "families/chat_fallback.h"

namespace abstractllm::families {

std::string_view plain_chat_template() noexcept {
  return "{%- for message in messages -%}\n"
         "{%- if message.role == 'system' -%}\n"
         "{{- message.content + '\\n\\n' -}}\n"
         "{%- elif message.role == 'user' -%}\n"
         "{{- 'User: ' + message.content + '\\n' -}}\n"
         "{%- elif message.role == 'tool' -%}\n"
         "{{- 'Tool result: ' + message.content + '\\n' -}}\n"
         "{%- else -%}\n"
         "{{- 'Assistant: ' + message.content + '\\n' -}}\n"
         "{%- endif -%}\n"
         "{%- endfor -%}\n"
         "{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}";
}

}  // namespace abstractllm::families
