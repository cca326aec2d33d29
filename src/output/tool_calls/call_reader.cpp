// The list of dialects: the only place that names all readers.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/call_reader.h"

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::output {

namespace {

constexpr std::string_view kToolCall = "<tool_call>";

// A model may be told of its tools in words that are not its own: whatever its
// dialect, <tool_call> is understood beside it.
class WithToolCall : public CallReader {
 public:
  WithToolCall(std::unique_ptr<CallReader> own,
               std::unique_ptr<CallReader> tagged)
      : own_(std::move(own)),
        tagged_(std::move(tagged)),
        openers_(own_->openers()) {
    openers_.push_back({std::string(kToolCall)});
  }

  const std::vector<Opener>& openers() const override { return openers_; }

  Reading read(std::string_view text, bool at_end) const override {
    const bool is_tagged = text.starts_with(kToolCall);
    return (is_tagged ? *tagged_ : *own_).read(text, at_end);
  }

 private:
  const std::unique_ptr<CallReader> own_;
  const std::unique_ptr<CallReader> tagged_;
  std::vector<Opener> openers_;
};

std::unique_ptr<CallReader> make_own_reader(ToolDialect dialect,
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
    case ToolDialect::kApertus:
    case ToolDialect::kToolcall:
      return make_listed_reader(dialect, tools);
    case ToolDialect::kFunctionary:
      return make_functionary_reader(tools);
    case ToolDialect::kGigaChat:
      return make_gigachat_reader(tools);
    case ToolDialect::kHunyuan:
      return make_hunyuan_reader(tools);
    case ToolDialect::kKimiChannels:
      return make_kimi_channel_reader(tools);
    case ToolDialect::kMiniCpm:
      return make_minicpm_reader(tools);
    case ToolDialect::kMiniMaxElements:
      return make_minimax_element_reader(tools);
    case ToolDialect::kMuse:
      return make_muse_reader(tools);
    case ToolDialect::kSolar:
      return make_solar_reader(tools);
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

}  // namespace

std::unique_ptr<CallReader> make_call_reader(ToolDialect dialect,
                                             const Tools& tools) {
  auto own = make_own_reader(dialect, tools);
  const auto& openers = own->openers();
  if (std::any_of(openers.begin(), openers.end(), [](const Opener& opener) {
        return opener.text == kToolCall;
      })) {
    return own;
  }
  return std::make_unique<WithToolCall>(std::move(own),
                                        make_tagged_reader(tools));
}

}  // namespace abstractllm::output
