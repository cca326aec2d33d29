// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "families/family.h"

namespace abstractllm::families {
namespace {

constexpr char kChatML[] = "<|im_start|>user {{ m }}<|im_end|>";
constexpr char kLlama3[] = "<|start_header_id|>user<|end_header_id|>";

std::string_view family_of(const FamilyEvidence& evidence) {
  return detect_family(evidence).family->name;
}

TEST(Detection, TheArchitectureOfTheConfigSaysTheFamily) {
  const FoundFamily found = detect_family({.model_type = "qwen3_moe"});
  EXPECT_EQ(found.family->name, "qwen3");
  EXPECT_EQ(found.by, FoundBy::kModelType);
  EXPECT_EQ(found.evidence, "model_type qwen3_moe");
  EXPECT_EQ(family_of({.architectures = {"Gemma2ForCausalLM"}}), "gemma");
  EXPECT_EQ(family_of({.model_type = "paligemma"}), "paligemma");
}

TEST(Detection, ATemplateOfAnotherFamilyWinsOverTheArchitecture) {
  const FoundFamily found = detect_family(
      {.model_type = "qwen2",
       .chat_template = "<｜User｜>{{ x }}<｜Assistant｜><think>"});
  EXPECT_EQ(found.family->name, "deepseek_r1");
  EXPECT_EQ(found.by, FoundBy::kTemplate);
  EXPECT_EQ(family_of({.model_type = "mistral", .chat_template = kChatML}),
            "chatml");
  EXPECT_EQ(family_of({.model_type = "llama", .chat_template = kLlama3}),
            "llama3");
}

TEST(Detection, ArchitecturesOfOneMakerAreFamiliesOfTheirOwn) {
  const struct {
    const char* model_type;
    const char* chat_template;
    const char* family;
  } kCases[] = {
      {"bamba", "", "bamba"},
      {"bitnet", "{{ role | capitalize + ': ' }}{{ 'Assistant: ' }}", "bitnet"},
      {"hy_v3", "'<｜hy_User{}｜>' '<｜hy_Assistant{}｜>'", "hunyuan3"},
      {"jamba", "<|bom|><|user|> {{ m }}<|eom|>", "jamba"},
      {"jamba", kChatML, "chatml"},
      {"modernbert-decoder", "", "ettin"},
      {"nanochat", "<|user_start|>{{ m }}<|assistant_start|>", "nanochat"}};
  for (const auto& row : kCases) {
    EXPECT_EQ(family_of({.model_type = row.model_type,
                         .chat_template = row.chat_template}),
              row.family);
  }
}

TEST(Detection, AGgufFileSaysItsArchitecture) {
  const FoundFamily found = detect_family({.gguf_architecture = "gemma2"});
  EXPECT_EQ(found.family->name, "gemma");
  EXPECT_EQ(found.by, FoundBy::kGgufArchitecture);
}

TEST(Detection, NothingKnownIsTheGenericFamily) {
  const FoundFamily found = detect_family({.model_type = "no_such"});
  EXPECT_EQ(found.family->name, "generic");
  EXPECT_EQ(found.by, FoundBy::kNothing);
  EXPECT_EQ(family_of({}), "generic");
}

struct Named {
  const char* name;
  const char* model_type;
  const char* family;
};

class ByName : public testing::TestWithParam<Named> {};

// Each was taken for another family by AbstractLLM, which looks for the first
// of its words anywhere in the name.
TEST_P(ByName, IsNotMisrouted) {
  const Named& model = GetParam();
  EXPECT_EQ(family_of({.model_type = model.model_type, .name = model.name}),
            model.family)
      << model.name;
}

INSTANTIATE_TEST_SUITE_P(
    Misroutes, ByName,
    testing::Values(
        Named{"google/paligemma-3b-mix-224", "", "paligemma"},
        Named{"codellama/CodeLlama-7b-Instruct-hf", "llama", "code"},
        Named{"WizardLMTeam/WizardCoder-Python-7B", "llama", "code"},
        Named{"deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "llama",
              "deepseek_r1"},
        Named{"google/codegemma-7b-it", "gemma", "codegemma"},
        Named{"cognitivecomputations/dolphin-2.9-llama3-8b", "", "chatml"},
        Named{"mlx-community/DeepSeek-R1-0528-Qwen3-8B-4bit", "qwen3",
              "deepseek_r1"},
        Named{"Qwen/Qwen2.5-Coder-7B-Instruct", "qwen2", "qwen_coder"},
        Named{"Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_moe", "qwen3_coder"},
        Named{"deepseek-ai/deepseek-coder-6.7b-instruct", "llama",
              "deepseek_coder"},
        Named{"HuggingFaceTB/SmolLM2-135M-Instruct", "llama", "smollm"},
        Named{"THUDM/glm-4-9b-chat", "", "glm"},
        Named{"THUDM/GLM-4-9B-0414", "glm4", "glm"},
        Named{"defog/sqlcoder-7b-2", "llama", "code"},
        Named{"h2oai/h2o-danube2-1.8b-chat", "mistral", "h2o_danube"},
        Named{"meta-llama/Llama-2-7b-chat-hf", "llama", "llama2"},
        Named{"meta-llama/Meta-Llama-3.1-8B", "llama", "llama3"},
        Named{"mistralai/Mixtral-8x22B-v0.1", "mixtral", "mixtral"},
        Named{"deepseek-ai/DeepSeek-V2-Lite-Chat", "deepseek_v2", "deepseek"},
        Named{"a-m-team/AM-Thinking-v1", "qwen2", "am_thinking"},
        Named{"NousResearch/Hermes-3-Llama-3.1-8B", "llama", "chatml"},
        Named{"cognitivecomputations/dolphin-2.6-mistral-7b", "mistral",
              "chatml"},
        Named{"dolphin-2_6-phi-2", "phi", "chatml"},
        Named{"HuggingFaceH4/zephyr-7b-gemma-v0.1", "gemma", "zephyr"},
        Named{"lmsys/vicuna-13b-v1.5", "llama", "vicuna"},
        Named{"somebody/NoName-7B", "llama", "llama"}));

// GGUF files call themselves what they like.
TEST(Detection, AFilesOwnNameIsTriedBesideTheOneThatWasAskedFor) {
  const struct {
    const char* stored;
    const char* asked;
    const char* family;
  } kCases[] = {
      {"LLaMA v2", "/models/llama-2-7b-chat.Q4_K_M.gguf", "llama2"},
      {"LLaMA v2", "vicuna-7b-v1.5.Q4_0.gguf", "vicuna"},
      {"LLaMA v2", "codellama-7b-instruct.Q4_0.gguf", "code"},
      {"codellama 7b", "/models/model.gguf", "code"},
      {"", "vicuna-7b.gguf", "vicuna"},
  };
  for (const auto& each : kCases) {
    EXPECT_EQ(family_of({.gguf_architecture = "llama",
                         .name = each.asked,
                         .stored_name = each.stored}),
              each.family)
        << each.stored << ", " << each.asked;
  }
}

TEST(Detection, ANameDoesNotSpeakAgainstTheTemplate) {
  // A merge by its name, a ChatML model by its template.
  EXPECT_EQ(family_of({.model_type = "llama",
                       .chat_template = kChatML,
                       .name = "NousResearch/Hermes-3-Llama-3.1-8B"}),
            "chatml");
  EXPECT_EQ(family_of({.model_type = "llama",
                       .chat_template = kChatML,
                       .name = "HuggingFaceTB/SmolLM2-135M-Instruct"}),
            "smollm");
  EXPECT_EQ(family_of({.model_type = "qwen3",
                       .chat_template = kChatML,
                       .name = "my-llama-3-killer"}),
            "qwen3");
}

TEST(Detection, AWordInsideOfAWordIsNone) {
  EXPECT_EQ(family_of({.name = "sapphire-7b"}), "generic");
  EXPECT_EQ(family_of({.name = "microsoft/phi-2"}), "phi");
  EXPECT_EQ(family_of({.name = "microsoft/Phi-3.5-mini-instruct"}), "phi3");
  EXPECT_EQ(family_of({.name = "/models/Qwen3_4B/"}), "qwen3");
}

TEST(Families, EachHasANameOfItsOwnAndAKnownParent) {
  std::set<std::string_view> names;
  for (const MLXModelConfig& family : all_families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_EQ(find_family(family.name), &family);
    if (!family.parent.empty()) {
      EXPECT_NE(find_family(family.parent), nullptr) << family.name;
    }
    validate(family.sampling);
    for (const auto& [preset, parameters] : family.presets) {
      SCOPED_TRACE(preset);
      validate(parameters);
    }
  }
  EXPECT_EQ(all_families().back().name, "generic");
  EXPECT_EQ(find_family("none"), nullptr);
}

TEST(Families, AnArchitectureBelongsToOneFamilyOnly) {
  std::set<std::string_view> types;
  for (const MLXModelConfig& family : all_families()) {
    for (const std::string_view type : family.model_types) {
      EXPECT_TRUE(types.insert(type).second) << type;
    }
  }
}

TEST(Families, ARepetitionPenaltyIsAPresetAndNoDefault) {
  for (const MLXModelConfig& family : all_families()) {
    EXPECT_FALSE(family.sampling.repetition_penalty.has_value()) << family.name;
  }
  const GenerationParameters* steady =
      find_family("qwen")->find_preset("steady");
  ASSERT_NE(steady, nullptr);
  EXPECT_EQ(steady->repetition_penalty, 1.2);
  EXPECT_EQ(find_family("qwen")->find_preset("no such"), nullptr);
}

}  // namespace
}  // namespace abstractllm::families
