// The families, one class each. Each is described by its own file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "families/family.h"

namespace abstractllm::families {

struct ChatMLConfig : MLXModelConfig {
  ChatMLConfig();
};
struct QwenConfig : MLXModelConfig {
  QwenConfig();
};
struct QwenCoderConfig : QwenConfig {
  QwenCoderConfig();
};
struct Qwen3Config : QwenConfig {
  Qwen3Config();
};
struct Qwen3CoderConfig : Qwen3Config {
  Qwen3CoderConfig();
};
struct QwenVLConfig : QwenConfig {
  QwenVLConfig();
};
struct Qwen25VLConfig : QwenVLConfig {
  Qwen25VLConfig();
};
struct SmolLMConfig : MLXModelConfig {
  SmolLMConfig();
};
struct SmolLM3Config : SmolLMConfig {
  SmolLM3Config();
};
struct LlamaConfig : MLXModelConfig {
  LlamaConfig();
};
struct Llama2Config : MLXModelConfig {
  Llama2Config();
};
struct Llama3Config : MLXModelConfig {
  Llama3Config();
};
struct Llama4Config : MLXModelConfig {
  Llama4Config();
};
struct MistralConfig : MLXModelConfig {
  MistralConfig();
};
struct MixtralConfig : MistralConfig {
  MixtralConfig();
};
struct ZephyrConfig : MLXModelConfig {
  ZephyrConfig();
};
struct DanubeConfig : MLXModelConfig {
  DanubeConfig();
};
struct VicunaConfig : MLXModelConfig {
  VicunaConfig();
};
struct AlpacaConfig : MLXModelConfig {
  AlpacaConfig();
};
struct CodeConfig : MLXModelConfig {
  CodeConfig();
};
struct GemmaConfig : MLXModelConfig {
  GemmaConfig();
};
struct CodeGemmaConfig : GemmaConfig {
  CodeGemmaConfig();
};
struct Gemma4Config : MLXModelConfig {
  Gemma4Config();
};
struct PaliGemmaConfig : MLXModelConfig {
  PaliGemmaConfig();
};
struct PhiConfig : MLXModelConfig {
  PhiConfig();
};
struct Phi3Config : MLXModelConfig {
  Phi3Config();
};
struct Phi4Config : MLXModelConfig {
  Phi4Config();
};
struct DeepSeekConfig : MLXModelConfig {
  DeepSeekConfig();
};
struct DeepSeekCoderConfig : DeepSeekConfig {
  DeepSeekCoderConfig();
};
struct DeepSeekR1Config : DeepSeekConfig {
  DeepSeekR1Config();
};
struct AmThinkingConfig : QwenConfig {
  AmThinkingConfig();
};
struct CommandRConfig : MLXModelConfig {
  CommandRConfig();
};
struct GraniteConfig : MLXModelConfig {
  GraniteConfig();
};
struct GlmConfig : MLXModelConfig {
  GlmConfig();
};
struct GptOssConfig : MLXModelConfig {
  GptOssConfig();
};
struct Lfm2Config : MLXModelConfig {
  Lfm2Config();
};
struct OlmoConfig : MLXModelConfig {
  OlmoConfig();
};
struct ErnieConfig : MLXModelConfig {
  ErnieConfig();
};
struct BambaConfig : MLXModelConfig {
  BambaConfig();
};
struct BitNetConfig : MLXModelConfig {
  BitNetConfig();
};
struct EttinConfig : MLXModelConfig {
  EttinConfig();
};
struct Hunyuan3Config : MLXModelConfig {
  Hunyuan3Config();
};
struct JambaConfig : MLXModelConfig {
  JambaConfig();
};
struct NanoChatConfig : MLXModelConfig {
  NanoChatConfig();
};
struct GenericConfig : MLXModelConfig {
  GenericConfig();
};

}  // namespace abstractllm::families
