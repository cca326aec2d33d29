// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "abstractllm/error.h"
#include "io/gguf_names.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

GgufBuilder llama() {
  GgufBuilder builder;
  builder.put("general.architecture", "llama")
      .put("llama.embedding_length", 64u)
      .put("llama.block_count", 2u)
      .put("llama.feed_forward_length", 128u)
      .put("llama.context_length", 512u)
      .put("llama.attention.head_count", 4u)
      .put("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  return builder;
}

JsonConfig config_of(const GgufBuilder& builder) {
  const std::string bytes = builder.build();
  return config_from_gguf(GgufFile::read(base::MappedFile::in_memory(
      std::as_bytes(std::span(bytes)), "test.gguf")));
}

TEST(GgufConfig, FillsInWhatTheFileLeavesOut) {
  const auto config = config_of(llama());
  EXPECT_EQ(config.require_string("model_type"), "llama");
  EXPECT_EQ(config.require_int("num_key_value_heads"), 4);
  EXPECT_EQ(config.require_int("head_dim"), 16);
  EXPECT_EQ(config.require_number("rope_theta"), 10'000.0);
  EXPECT_EQ(config.require_number("rms_norm_eps"), 1e-5);
  EXPECT_TRUE(config.require_bool("tie_word_embeddings"));
  EXPECT_FALSE(config.require_bool("attention_bias"));
  for (const char* absent : {"rope_scaling", "sliding_window", "eos_token_id",
                             "partial_rotary_factor", "num_local_experts"}) {
    EXPECT_FALSE(config.has(absent)) << absent;
  }
}

TEST(GgufConfig, TakesWhatTheFileSays) {
  const std::string data(64, 'x');
  const auto config =
      config_of(llama()
                    .put("llama.attention.head_count_kv", 2u)
                    .put("llama.attention.key_length", 32u)
                    .put("llama.rope.dimension_count", 16u)
                    .put("llama.rope.freq_base", 500'000.0f)
                    .put("llama.rope.scaling.type", "yarn")
                    .put("llama.rope.scaling.factor", 4.0f)
                    .put("llama.rope.scaling.original_context_length", 128u)
                    .put("tokenizer.ggml.bos_token_id", 1u)
                    .put("tokenizer.ggml.eos_token_id", 2u)
                    .put("tokenizer.ggml.eot_token_id", 7u)
                    .put("tokenizer.ggml.padding_token_id", 0u)
                    .tensor("token_embd.weight", 0, {4, 4}, data)
                    .tensor("output.weight", 0, {4, 4}, data)
                    .tensor("blk.0.attn_q.bias", 0, {16}, data));
  EXPECT_EQ(config.require_int("num_key_value_heads"), 2);
  EXPECT_EQ(config.require_int("head_dim"), 32);
  EXPECT_EQ(config.require_number("partial_rotary_factor"), 0.5);
  EXPECT_EQ(config.require_number("rope_theta"), 500'000.0);
  const auto scaling = config.require_object("rope_scaling");
  EXPECT_EQ(scaling.require_string("rope_type"), "yarn");
  EXPECT_EQ(scaling.require_number("factor"), 4.0);
  EXPECT_EQ(scaling.require_int("original_max_position_embeddings"), 128);
  EXPECT_EQ(config.require_int("vocab_size"), 4);
  EXPECT_FALSE(config.require_bool("tie_word_embeddings"));
  EXPECT_TRUE(config.require_bool("attention_bias"));
  EXPECT_EQ(config.require_int("bos_token_id"), 1);
  EXPECT_EQ(config.require_int("pad_token_id"), 0);
  EXPECT_THAT(*config.find_ints("eos_token_id"), ElementsAre(2, 7));
}

TEST(GgufConfig, TellsMistralAndMixtralFromLlama) {
  EXPECT_EQ(config_of(llama().put("llama.attention.sliding_window", 16u))
                .require_string("model_type"),
            "mistral");
  const auto moe = config_of(
      llama().put("llama.expert_count", 8u).put("llama.expert_used_count", 2u));
  EXPECT_EQ(moe.require_string("model_type"), "mixtral");
  EXPECT_EQ(moe.require_int("num_local_experts"), 8);
  EXPECT_EQ(moe.require_int("num_experts_per_tok"), 2);
}

TEST(GgufConfig, ReadsExpertsOfQwen) {
  const auto read = [](const std::string& name) {
    GgufBuilder builder;
    builder.put("general.architecture", name.c_str())
        .put(name + ".embedding_length", 64u)
        .put(name + ".block_count", 2u)
        .put(name + ".feed_forward_length", 128u)
        .put(name + ".attention.head_count", 4u)
        .put(name + ".attention.layer_norm_rms_epsilon", 1e-6f)
        .put(name + ".expert_count", 8u)
        .put(name + ".expert_used_count", 2u)
        .put(name + ".expert_feed_forward_length", 32u)
        .put(name + ".expert_shared_feed_forward_length", 48u);
    return config_of(builder);
  };
  const auto qwen2 = read("qwen2moe");
  EXPECT_EQ(qwen2.require_string("model_type"), "qwen2_moe");
  EXPECT_EQ(qwen2.require_int("num_experts"), 8);
  EXPECT_EQ(qwen2.require_int("moe_intermediate_size"), 32);
  EXPECT_EQ(qwen2.require_int("shared_expert_intermediate_size"), 48);
  EXPECT_FALSE(qwen2.require_bool("norm_topk_prob"));
  const auto qwen3 = read("qwen3moe");
  EXPECT_EQ(qwen3.require_string("model_type"), "qwen3_moe");
  EXPECT_TRUE(qwen3.require_bool("norm_topk_prob"));
  EXPECT_EQ(hugging_face_name(*find_gguf_architecture("qwen2moe"),
                              "blk.1.ffn_gate_inp_shexp.weight"),
            "model.layers.1.mlp.shared_expert_gate.weight");
}

TEST(GgufConfig, ReadsBertAndItsPooling) {
  const auto config = config_of(
      GgufBuilder()
          .put("general.architecture", "bert")
          .put("bert.embedding_length", 8u)
          .put("bert.block_count", 2u)
          .put("bert.feed_forward_length", 16u)
          .put("bert.context_length", 32u)
          .put("bert.attention.head_count", 2u)
          .put("bert.attention.layer_norm_epsilon", 1e-3f)
          .put("bert.pooling_type", 2u)
          .tensor("token_types.weight", 0, {2, 8}, std::string(64, '\0')));
  EXPECT_EQ(config.require_string("model_type"), "bert");
  EXPECT_EQ(config.require_string("hidden_act"), "gelu");
  EXPECT_EQ(config.require_string("pooling_mode"), "cls");
  EXPECT_EQ(config.require_int("max_position_embeddings"), 32);
  EXPECT_EQ(config.require_int("type_vocab_size"), 2);
  EXPECT_NEAR(config.require_number("layer_norm_eps"), 1e-3, 1e-9);
}

TEST(GgufConfig, TellsTheBaichuansApart) {
  const auto baichuan = [](std::uint32_t layers) {
    return GgufBuilder()
        .put("general.architecture", "baichuan")
        .put("baichuan.embedding_length", 64u)
        .put("baichuan.block_count", layers)
        .put("baichuan.feed_forward_length", 128u)
        .put("baichuan.attention.head_count", 4u)
        .put("baichuan.attention.layer_norm_rms_epsilon", 1e-5f);
  };
  const auto type_with = [&](std::uint32_t layers, std::uint32_t vocabulary) {
    return config_of(baichuan(layers).put("baichuan.vocab_size", vocabulary))
        .require_string("model_type");
  };
  EXPECT_EQ(type_with(32, 64000), "llama");
  EXPECT_EQ(type_with(32, 125696), "baichuan");  // whose head is scaled
  EXPECT_EQ(type_with(40, 64000), "baichuan");   // which has ALiBi
}

TEST(GgufConfig, TellsTheMambasApart) {
  const auto mamba = [](bool normed) {
    return config_of(GgufBuilder()
                         .put("general.architecture", "mamba")
                         .put("mamba.embedding_length", 8u)
                         .put("mamba.block_count", 2u)
                         .put("mamba.ssm.inner_size", 16u)
                         .put("mamba.ssm.state_size", 4u)
                         .put("mamba.ssm.time_step_rank", 2u)
                         .put("mamba.ssm.conv_kernel", 4u)
                         .put("mamba.ssm.dt_b_c_rms", normed)
                         .put("mamba.attention.layer_norm_rms_epsilon", 1e-5f));
  };
  EXPECT_EQ(mamba(false).require_string("model_type"), "mamba");
  EXPECT_EQ(mamba(true).require_string("model_type"), "falcon_mamba");
  EXPECT_EQ(mamba(true).require_int("time_step_rank"), 2);
}

TEST(GgufConfig, ReadsStateSpacesAmongAttention) {
  const auto builder = [] {
    return GgufBuilder()
        .put("general.architecture", "granitehybrid")
        .put("granitehybrid.embedding_length", 64u)
        .put("granitehybrid.feed_forward_length", 96u)
        .put("granitehybrid.block_count", 3u)
        .put("granitehybrid.attention.head_count", 4u)
        .put_array("granitehybrid.attention.head_count_kv", 4,
                   std::vector<std::uint32_t>{0, 2, 0})
        .put("granitehybrid.attention.layer_norm_rms_epsilon", 1e-5f)
        .put("granitehybrid.expert_shared_feed_forward_length", 80u)
        .put("granitehybrid.ssm.inner_size", 128u)
        .put("granitehybrid.ssm.state_size", 16u)
        .put("granitehybrid.ssm.time_step_rank", 8u)
        .put("granitehybrid.ssm.conv_kernel", 4u);
  };
  const JsonConfig plain = config_of(builder());
  EXPECT_EQ(plain.find_string("model_type"), "granitemoehybrid");
  EXPECT_EQ(plain.find_strings("layer_types"),
            (std::vector<std::string>{"mamba", "full_attention", "mamba"}));
  EXPECT_EQ(plain.require_int("num_key_value_heads"), 2);
  EXPECT_EQ(plain.require_int("mamba_d_head"), 16);
  EXPECT_EQ(plain.require_int("shared_intermediate_size"), 80);
  EXPECT_EQ(plain.find_number("attention_multiplier"), 0.25);
  EXPECT_EQ(plain.find_string("position_embedding_type"), "rope");
  const JsonConfig still =
      config_of(builder()
                    .put("granitehybrid.rope.scaling.finetuned", false)
                    .put("granitehybrid.attention.scale", 0.5f));
  EXPECT_EQ(still.find_string("position_embedding_type"), "nope");
  EXPECT_EQ(still.find_number("attention_multiplier"), 0.5);
}

TEST(GgufConfig, TakesOneNumberForAllLayers) {
  EXPECT_EQ(config_of(llama().put_array<std::uint32_t>(
                          "llama.attention.head_count_kv", 4, {2, 2}))
                .require_int("num_key_value_heads"),
            2);
  EXPECT_THAT(message_of<UnsupportedModelError>([] {
                config_of(llama().put_array<std::uint32_t>(
                    "llama.attention.head_count_kv", 4, {2, 4}));
              }),
              HasSubstr("differs from layer to layer: [2, 4]"));
}

GgufBuilder of_architecture(const std::string& name, std::uint32_t layers = 8) {
  GgufBuilder builder;
  builder.put("general.architecture", name.c_str())
      .put(name + ".embedding_length", 64u)
      .put(name + ".block_count", layers)
      .put(name + ".feed_forward_length", 128u)
      .put(name + ".attention.head_count", 4u)
      .put(name + ".attention.layer_norm_rms_epsilon", 1e-5f);
  return builder;
}

TEST(GgufConfig, OfLlama4HasTheConstantsOfLlamaCpp) {
  const auto config = config_of(of_architecture("llama4")
                                    .put("llama4.expert_count", 16u)
                                    .put("llama4.expert_used_count", 1u));
  EXPECT_EQ(config.require_string("model_type"), "llama4_text");
  EXPECT_EQ(config.find_ints("no_rope_layers"),
            (std::vector<std::int64_t>{1, 1, 1, 0, 1, 1, 1, 0}));
  EXPECT_EQ(config.require_int("attention_chunk_size"), 8192);
  EXPECT_EQ(config.require_int("floor_scale"), 8192);
  EXPECT_EQ(config.require_int("intermediate_size_mlp"), 128);
  EXPECT_TRUE(config.require_bool("use_qk_norm"));
}

TEST(GgufConfig, OfQwensModelsForImagesIsTheirLanguageModels) {
  for (const auto& [name, type] :
       {std::pair("qwen2vl", "qwen2"), std::pair("qwen3vl", "qwen3"),
        std::pair("qwen3vlmoe", "qwen3_moe")}) {
    EXPECT_EQ(config_of(of_architecture(name)).require_string("model_type"),
              type);
    EXPECT_EQ(
        hugging_face_name(*find_gguf_architecture(name), "blk.3.attn_q.weight"),
        "model.layers.3.self_attn.q_proj.weight");
  }
}

TEST(GgufConfig, LeavesOutLayersThatGuessFurtherTokens) {
  for (const std::string name : {"bailingmoe2", "exaone-moe", "glm4moe"}) {
    const auto config = config_of(
        of_architecture(name).put(name + ".nextn_predict_layers", 1u));
    EXPECT_EQ(config.require_int("num_hidden_layers"), 7) << name;
  }
}

TEST(GgufConfig, RefusesUnknownArchitecturesByName) {
  EXPECT_THAT(message_of<UnsupportedModelError>([] {
                config_of(GgufBuilder().put("general.architecture", "qwen4"));
              }),
              AllOf(HasSubstr("'qwen4'"), HasSubstr("nearest: qwen")));
  EXPECT_THAT(message_of<ModelLoadingError>([] { config_of(GgufBuilder()); }),
              HasSubstr("'general.architecture' is missing"));
}

TEST(GgufConfig, ReadsNoFileOfMoreLayersThanAnyModelHas) {
  EXPECT_THAT(message_of<ModelLoadingError>(
                  [] { config_of(of_architecture("llama4", 4'000'000'000u)); }),
              HasSubstr("4000000000 layers"));
}

TEST(GgufConfig, NamesMissingAndImpossibleMetadata) {
  EXPECT_THAT(message_of<ModelLoadingError>([] {
                config_of(GgufBuilder().put("general.architecture", "llama"));
              }),
              HasSubstr("'llama.embedding_length' is missing"));
  EXPECT_THAT(message_of<ModelLoadingError>([] {
                config_of(llama().put("llama.attention.head_count_kv", 0u));
              }),
              HasSubstr("'llama.attention.head_count_kv' is 0"));
  EXPECT_THAT(message_of<ModelLoadingError>([] {
                config_of(llama().raw("llama.attention.key_length", 5,
                                      GgufBuilder::bytes_of<std::int32_t>(-4)));
              }),
              HasSubstr("found -4"));
  EXPECT_THAT(message_of<UnsupportedModelError>([] {
                config_of(llama().put("llama.attention.value_length", 8u));
              }),
              HasSubstr("keys of 16 and values of 8"));
}

TEST(GgufNames, MapsLayersAndTheRest) {
  const GgufArchitecture& llama = *find_gguf_architecture("llama");
  EXPECT_EQ(hugging_face_name(llama, "token_embd.weight"),
            "model.embed_tokens.weight");
  EXPECT_EQ(hugging_face_name(llama, "blk.12.attn_q.bias"),
            "model.layers.12.self_attn.q_proj.bias");
  EXPECT_EQ(hugging_face_name(llama, "output.weight"), "lm_head.weight");
  for (const char* unknown :
       {"rope_freqs.weight", "blk.x.attn_q.weight", "blk..attn_q.weight",
        "blk.1.weight", "blk.1", "", ".", "blk.0.other.weight"}) {
    EXPECT_FALSE(hugging_face_name(llama, unknown).has_value()) << unknown;
  }
  EXPECT_EQ(find_gguf_architecture("llamas"), nullptr);
}

TEST(GgufNames, EveryArchitectureIsFoundOnce) {
  const auto names = gguf_architecture_names();
  for (const std::string& name : names) {
    ASSERT_NE(find_gguf_architecture(name), nullptr);
    EXPECT_EQ(find_gguf_architecture(name)->name, name);
  }
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(),
            names.size());
}

TEST(GgufNames, DeinterleavesEachHead) {
  // Two heads of four rows: stored 0 1 2 3 stand for original 0 2 1 3.
  EXPECT_THAT(deinterleaved_rows(8, 2), ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  EXPECT_THAT(deinterleaved_rows(6, 1), ElementsAre(0, 2, 4, 1, 3, 5));
}

}  // namespace
}  // namespace abstractllm::io
