// The forms in which models write tool calls.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace abstractllm::output {

/// How a model writes a call. Named after the models that write so.
enum class ToolDialect {
  kHermes,    ///< <tool_call>{"name": f, "arguments": {...}}</tool_call>
  kQwenXml,   ///< <tool_call><function=f><parameter=p>v</parameter>...
  kLlama,     ///< {"name": f, "parameters": {...}}, <|python_tag|>, <function=
  kMistral,   ///< [TOOL_CALLS][{...}], [TOOL_CALLS]f[ARGS]{...}
  kCommandR,  ///< <|START_ACTION|>[{...}]<|END_ACTION|>, Action: ```json [...]
  kDeepSeek,  ///< <｜tool▁calls▁begin｜>... fences or <｜tool▁sep｜>{...}
  kHarmony,       ///< channels; to=functions.f on the commentary channel
  kFunctools,     ///< functools[{...}]
  kGranite,       ///< <|tool_call|>[{...}]
  kPythonic,      ///< <|tool_call_start|>[f(a=1, b="x")]<|tool_call_end|>
  kGlm,           ///< <tool_call>f <arg_key>k</arg_key><arg_value>v</arg_value>
  kGemma,         ///< ```tool_code / ```json / ```tool_call fences
  kGemmaTag,      ///< <|tool_call>call:f{k:<|"|>v<|"|>}<tool_call|>
  kKimi,          ///< <|tool_calls_section_begin|>...functions.f:0...
  kMiniMax,       ///< <minimax:tool_call><invoke name="f"><parameter name="p">
  kApertus,       ///< <|tools_prefix|>[{"f": {...}}]<|tools_suffix|>
  kToolcall,      ///< <TOOLCALL>[{...}]</TOOLCALL>
  kFunctionary,   ///< >>>f and {...} on the next line
  kGigaChat,      ///< function call<|role_sep|>{"name": f, ...}
  kHunyuan,       ///< <tool_call:s>f<tool_sep:s><arg_key:s>k</arg_key:s>...
  kKimiChannels,  ///< <|open|>call tool="f"<|sep|><|open|>argument ...
  kMiniCpm,       ///< <function name="f"><param name="p">v</param>...
  kMiniMaxElements,  ///< ]<]minimax[>[<invoke name="f">]<]minimax[>[<p>v...
  kMuse,             ///< <atem:invoke name="f"><atem:parameter name="p">v...
  kSolar,            ///< <|tool_call:begin|>id<|tool_call:name|>f...
  kJson,             ///< a JSON object, or a list of them, that names a tool
};

/// "hermes", "qwen-xml", ...
std::string_view to_string(ToolDialect dialect) noexcept;

/// All, in the order of their declaration.
const std::vector<ToolDialect>& all_tool_dialects();

/// The dialect that a chat template writes earlier calls in, or tells the model
/// to use; nothing where its text has the marks of none.
std::optional<ToolDialect> find_tool_dialect(std::string_view chat_template);

/// Whether answers without calls stand between the dialect's marks, too: they
/// are read even where no tools are offered.
bool frames_answers(ToolDialect dialect) noexcept;

/// Texts of the special tokens that calls of a dialect are written with: where
/// they are special tokens of a vocabulary they have to be kept in the text.
std::vector<std::string_view> special_marks(ToolDialect dialect);

}  // namespace abstractllm::output
