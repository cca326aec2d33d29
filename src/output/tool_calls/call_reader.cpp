// The list of dialects: the only place that names all readers.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/call_reader.h"

#include "abstractllm/error.h"

namespace abstractllm::output {

std::unique_ptr<CallReader> make_call_reader(ToolDialect dialect,
                                             const Tools& tools) {
  switch (dialect) {
    case ToolDialect::kHermes:
    case ToolDialect::kQwenXml:
      return make_tagged_reader(tools);
    case ToolDialect::kLlama:
      return make_llama_reader(tools);
    case ToolDialect::kMistral:
      return make_mistral_reader(tools);
    case ToolDialect::kCommandR:
      return make_command_r_reader(tools);
    case ToolDialect::kDeepSeek:
      return make_deepseek_reader(tools);
    case ToolDialect::kFunctools:
    case ToolDialect::kGranite:
    case ToolDialect::kToolcall:
      return make_listed_reader(dialect, tools);
    case ToolDialect::kPythonic:
      return make_pythonic_reader(tools);
    case ToolDialect::kGlm:
      return make_glm_reader(tools);
    case ToolDialect::kGemma:
      return make_gemma_reader(tools);
    case ToolDialect::kGemmaTag:
      return make_gemma_tag_reader(tools);
    case ToolDialect::kKimi:
      return make_kimi_reader(tools);
    case ToolDialect::kMiniMax:
      return make_minimax_reader(tools);
    case ToolDialect::kJson:
      return make_json_reader(tools);
    case ToolDialect::kHarmony:
      break;
  }
  throw InternalError("[tool calls] harmony has channels and no reader");
}

}  // namespace abstractllm::output
