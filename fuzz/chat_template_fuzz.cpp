// Compiles any text as a chat template and renders it for a small conversation
// that has most of what conversations have.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abstractllm/error.h"
#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  text::ChatTemplateInput input;
  input.messages =
      R"([{"role":"system","content":"s"},{"role":"user","content":"ü"},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"c","function":)"
      R"({"name":"f","arguments":{"x":1.5}}}]},{"role":"tool","content":"r"}])";
  input.tools = R"([{"type":"function","function":{"name":"f"}}])";
  try {
    const text::ChatTemplate chat_template(
        {reinterpret_cast<const char*>(data), size},
        {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
    chat_template.render(input);
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
  return 0;
}
