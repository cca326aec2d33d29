// The list of families: the only place that names them all.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "families/configs.h"

namespace abstractllm::families {

const std::vector<MLXModelConfig>& all_families() {
  static const std::vector<MLXModelConfig> all{
      LlamaConfig(),      AlpacaConfig(),        AmThinkingConfig(),
      BambaConfig(),      BitNetConfig(),        ChatMLConfig(),
      CodeConfig(),       CodeGemmaConfig(),     CommandRConfig(),
      DanubeConfig(),     DeepSeekCoderConfig(), DeepSeekConfig(),
      DeepSeekR1Config(), ErnieConfig(),         EttinConfig(),
      Gemma4Config(),     GemmaConfig(),         GlmConfig(),
      GptOssConfig(),     GraniteConfig(),       Hunyuan3Config(),
      JambaConfig(),      Lfm2Config(),          Llama2Config(),
      Llama3Config(),     Llama4Config(),        MistralConfig(),
      MixtralConfig(),    NanoChatConfig(),      OlmoConfig(),
      PaliGemmaConfig(),  Phi3Config(),          Phi4Config(),
      PhiConfig(),        Qwen25VLConfig(),      Qwen3CoderConfig(),
      Qwen3Config(),      QwenCoderConfig(),     QwenConfig(),
      QwenVLConfig(),     SmolLM3Config(),       SmolLMConfig(),
      VicunaConfig(),     ZephyrConfig(),        GenericConfig(),
  };
  return all;
}

const MLXModelConfig* find_family(std::string_view name) {
  const auto& all = all_families();
  const auto row =
      std::find_if(all.begin(), all.end(),
                   [&](const MLXModelConfig& f) { return f.name == name; });
  return row == all.end() ? nullptr : &*row;
}

const GenerationParameters* MLXModelConfig::find_preset(
    std::string_view preset) const {
  for (const auto& [its, parameters] : presets) {
    if (its == preset) return &parameters;
  }
  return nullptr;
}

std::string_view to_string(SystemPrompt policy) noexcept {
  switch (policy) {
    case SystemPrompt::kNative:
      return "native";
    case SystemPrompt::kFolded:
      return "folded";
    case SystemPrompt::kUnsupported:
      return "unsupported";
  }
  return {};
}

std::string_view to_string(FoundBy by) noexcept {
  switch (by) {
    case FoundBy::kModelType:
      return "model_type";
    case FoundBy::kTemplate:
      return "template";
    case FoundBy::kGgufArchitecture:
      return "gguf_architecture";
    case FoundBy::kName:
      return "name";
    case FoundBy::kNothing:
      return "nothing";
  }
  return {};
}

}  // namespace abstractllm::families
