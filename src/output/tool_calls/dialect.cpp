// Names of the dialects, and their marks in templates.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/dialect.h"

#include <algorithm>
#include <array>

namespace abstractllm::output {

namespace {

struct Name {
  ToolDialect dialect;
  std::string_view name;
};

constexpr std::array kNames{
    Name{ToolDialect::kHermes, "hermes"},
    Name{ToolDialect::kQwenXml, "qwen-xml"},
    Name{ToolDialect::kLlama, "llama"},
    Name{ToolDialect::kMistral, "mistral"},
    Name{ToolDialect::kCommandR, "command-r"},
    Name{ToolDialect::kDeepSeek, "deepseek"},
    Name{ToolDialect::kHarmony, "harmony"},
    Name{ToolDialect::kFunctools, "functools"},
    Name{ToolDialect::kGranite, "granite"},
    Name{ToolDialect::kPythonic, "pythonic"},
    Name{ToolDialect::kGlm, "glm"},
    Name{ToolDialect::kGemma, "gemma"},
    Name{ToolDialect::kGemmaTag, "gemma-tag"},
    Name{ToolDialect::kKimi, "kimi"},
    Name{ToolDialect::kMiniMax, "minimax"},
    Name{ToolDialect::kApertus, "apertus"},
    Name{ToolDialect::kToolcall, "toolcall"},
    Name{ToolDialect::kFunctionary, "functionary"},
    Name{ToolDialect::kGigaChat, "gigachat"},
    Name{ToolDialect::kHunyuan, "hunyuan"},
    Name{ToolDialect::kKimiChannels, "kimi-channels"},
    Name{ToolDialect::kMiniCpm, "minicpm"},
    Name{ToolDialect::kMiniMaxElements, "minimax-elements"},
    Name{ToolDialect::kMuse, "muse"},
    Name{ToolDialect::kSolar, "solar"},
    Name{ToolDialect::kJson, "json"},
};

struct Mark {
  ToolDialect dialect;
  std::array<std::string_view, 2> texts;  // both; the second may be empty
};

// The first that fits; a dialect that shares another's mark stands before it.
constexpr std::array kMarks{
    Mark{ToolDialect::kHarmony, {"<|channel|>", "commentary"}},
    Mark{ToolDialect::kApertus, {"<|tools_prefix|>", {}}},
    Mark{ToolDialect::kFunctionary, {">>>all\\n", {}}},
    Mark{ToolDialect::kGigaChat, {"'function call'", "<|role_sep|>"}},
    Mark{ToolDialect::kHunyuan, {"<arg_key{}>", {}}},
    Mark{ToolDialect::kHunyuan, {"<arg_key:", {}}},
    Mark{ToolDialect::kKimiChannels, {"<|open|>", "<|sep|>"}},
    Mark{ToolDialect::kMiniCpm, {"<function name=\"", "<param name=\""}},
    Mark{ToolDialect::kMiniMaxElements, {"]<]minimax[>[", {}}},
    Mark{ToolDialect::kMuse, {"<atem:function_calls>", {}}},
    Mark{ToolDialect::kSolar, {"<|tool_call:begin|>", {}}},
    Mark{ToolDialect::kGlm, {"<arg_key>", {}}},
    Mark{ToolDialect::kMiniMax, {"<minimax:tool_call>", {}}},
    Mark{ToolDialect::kGemmaTag, {"<|tool_call>", "<tool_call|>"}},
    Mark{ToolDialect::kQwenXml, {"<function=", "<parameter="}},
    Mark{ToolDialect::kKimi, {"<|tool_calls_section_begin|>", {}}},
    Mark{ToolDialect::kDeepSeek, {"tool▁call", {}}},
    Mark{ToolDialect::kMistral, {"[TOOL_CALLS]", {}}},
    Mark{ToolDialect::kCommandR, {"<|START_ACTION|>", {}}},
    Mark{ToolDialect::kCommandR, {"Action: ```json", {}}},
    Mark{ToolDialect::kCommandR, {"Action:\\n```json", {}}},
    Mark{ToolDialect::kPythonic, {"<|tool_call_start|>", {}}},
    Mark{ToolDialect::kToolcall, {"<TOOLCALL>", {}}},
    Mark{ToolDialect::kToolcall, {"<|function_call|>", {}}},
    Mark{ToolDialect::kToolcall, {"<tool_calls>\\n", {}}},
    Mark{ToolDialect::kToolcall, {"<tool_calls>\n", {}}},
    Mark{ToolDialect::kFunctools, {"functools[", {}}},
    Mark{ToolDialect::kHermes, {"<tool_call>", {}}},
    Mark{ToolDialect::kGranite, {"<|tool_call|>", {}}},
    Mark{ToolDialect::kLlama, {"<|python_tag|>", {}}},
    Mark{ToolDialect::kLlama, {"<|start_header_id|>", "\"parameters\""}},
    Mark{ToolDialect::kGemma, {"tool_code", {}}},
};

}  // namespace

std::string_view to_string(ToolDialect dialect) noexcept {
  const auto* row =
      std::find_if(kNames.begin(), kNames.end(),
                   [&](const Name& name) { return name.dialect == dialect; });
  return row == kNames.end() ? std::string_view{} : row->name;
}

const std::vector<ToolDialect>& all_tool_dialects() {
  static const std::vector<ToolDialect> all = [] {
    std::vector<ToolDialect> list;
    for (const Name& name : kNames) list.push_back(name.dialect);
    return list;
  }();
  return all;
}

std::optional<ToolDialect> find_tool_dialect(std::string_view chat_template) {
  for (const Mark& mark : kMarks) {
    if (std::all_of(mark.texts.begin(), mark.texts.end(),
                    [&](std::string_view text) {
                      return chat_template.find(text) != std::string_view::npos;
                    })) {
      return mark.dialect;
    }
  }
  return std::nullopt;
}

bool frames_answers(ToolDialect dialect) noexcept {
  return dialect == ToolDialect::kHarmony ||
         dialect == ToolDialect::kFunctionary ||
         dialect == ToolDialect::kKimiChannels ||
         dialect == ToolDialect::kMuse || dialect == ToolDialect::kSolar;
}

std::vector<std::string_view> special_marks(ToolDialect dialect) {
  switch (dialect) {
    case ToolDialect::kHermes:
    case ToolDialect::kQwenXml:
    case ToolDialect::kGlm:
    case ToolDialect::kJson:
    case ToolDialect::kGemma:
      return {"<tool_call>",      "</tool_call>", "<function_call>",
              "</function_call>", "<arg_key>",    "</arg_key>",
              "<arg_value>",      "</arg_value>"};
    case ToolDialect::kLlama:
      return {"<|python_tag|>", "<tool_call>", "</tool_call>"};
    case ToolDialect::kMistral:
      return {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"};
    case ToolDialect::kCommandR:
      return {"<|START_ACTION|>", "<|END_ACTION|>"};
    case ToolDialect::kDeepSeek:
      return {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
              "<｜tool▁call▁begin｜>",  "<｜tool▁call▁end｜>",
              "<｜tool▁sep｜>",         "｜DSML｜"};
    case ToolDialect::kHarmony:
      return {"<|start|>",     "<|end|>",  "<|message|>", "<|channel|>",
              "<|constrain|>", "<|call|>", "<|return|>"};
    case ToolDialect::kFunctools:
    case ToolDialect::kGranite:
      return {"<|tool_call|>", "<|/tool_call|>", "</|tool_call|>",
              "<tool_call>", "</tool_call>"};
    case ToolDialect::kPythonic:
      return {"<|tool_call_start|>", "<|tool_call_end|>", "<|python_start|>",
              "<|python_end|>"};
    case ToolDialect::kGemmaTag:
      return {"<|tool_call>", "<tool_call|>", "<|\"|>"};
    case ToolDialect::kKimi:
      return {"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
              "<|tool_call_begin|>", "<|tool_call_end|>",
              "<|tool_call_argument_begin|>"};
    case ToolDialect::kMiniMax:
      return {"<minimax:tool_call>", "</minimax:tool_call>"};
    case ToolDialect::kApertus:
      return {"<|tools_prefix|>", "<|tools_suffix|>"};
    case ToolDialect::kFunctionary:
      return {};
    case ToolDialect::kGigaChat:
      return {"<|role_sep|>", "<|message_sep|>"};
    case ToolDialect::kHunyuan:
      return {"<tool_calls:opensource>", "</tool_calls:opensource>",
              "<tool_call:opensource>",  "</tool_call:opensource>",
              "<tool_sep:opensource>",   "<arg_key:opensource>",
              "</arg_key:opensource>",   "<arg_value:opensource>",
              "</arg_value:opensource>"};
    case ToolDialect::kKimiChannels:
      return {"<|open|>", "<|close|>", "<|sep|>"};
    case ToolDialect::kMiniCpm:
      return {"<function", "</function>", "<param", "</param>"};
    case ToolDialect::kMiniMaxElements:
      return {"]<]minimax[>["};
    case ToolDialect::kMuse:
      return {"<|start|>", "<|message|>", "<|eom|>"};
    case ToolDialect::kSolar:
      return {"<|tool_calls|>",     "<|tool_call:begin|>", "<|tool_call:name|>",
              "<|tool_call:args|>", "<|tool_call:end|>",   "<|calls|>",
              "<|begin|>",          "<|content|>",         "<|end|>"};
    case ToolDialect::kToolcall:
      return {"<TOOLCALL>", "</TOOLCALL>", "<tool_calls>", "</tool_calls>",
              "<|function_call|>"};
  }
  return {};
}

}  // namespace abstractllm::output
