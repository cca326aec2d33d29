// SPDX-License-Identifier: Apache-2.0
#include "engine/context_length.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::engine {
namespace {

ContextLength read(const char* config, int otherwise = 0) {
  return read_context_length(io::JsonConfig::parse(config, "config.json"),
                             otherwise);
}

TEST(ContextLength, HasManyNames) {
  const struct {
    const char* config;
    int tokens;
  } kCases[] = {
      {R"({"max_position_embeddings": 40960})", 40960},
      {R"({"model_type": "gpt2", "n_positions": 128, "n_ctx": 1024})", 128},
      {R"({"model_type": "gpt_bigcode", "n_positions": 8192})", 8192},
      {R"({"model_type": "nomic_bert", "n_positions": 8192})", 8192},
      {R"({"model_type": "mpt", "max_seq_len": 8192})", 8192},
      {R"({"model_type": "bloom", "seq_length": 4096})", 4096},
      {R"({"model_type": "baichuan", "model_max_length": 4096})", 4096},
      {R"({"max_sequence_length": 512})", 512},
      {R"({"n_ctx": 256})", 256},
      {R"({"max_position_embeddings": 1e12})", 1 << 28},
      // One row each for the padding token and for what stands before it.
      {R"({"model_type": "roberta", "max_position_embeddings": 514})", 512},
      {R"({"model_type": "mpnet", "max_position_embeddings": 514})", 512},
      {R"({"model_type": "data2vec-text", "max_position_embeddings": 514})",
       512},
      {R"({"model_type": "xlm-roberta", "max_position_embeddings": 8194,
           "pad_token_id": 1})",
       8192},
  };
  for (const auto& each : kCases) {
    EXPECT_EQ(read(each.config).tokens, each.tokens) << each.config;
  }
}

TEST(ContextLength, IsTheFamilysWhereNothingSaysIt) {
  EXPECT_EQ(read("{}").tokens, 2048);
  EXPECT_EQ(read("{}", 4096).tokens, 4096);
  EXPECT_EQ(read(R"({"max_position_embeddings": 0})").tokens, 2048);
  EXPECT_EQ(read(R"({"max_position_embeddings": -1, "n_ctx": 64})").tokens, 64);
  EXPECT_THROW(read(R"({"max_position_embeddings": "many"})"),
               ModelLoadingError);
}

TEST(ContextLength, EndsNowhereForStatesAndDistances) {
  for (const char* type : {"mamba", "mamba2", "falcon_mamba"}) {
    const std::string config = R"({"model_type": ")" + std::string(type) +
                               R"(", "max_position_embeddings": 2048})";
    const ContextLength length = read(config.c_str());
    EXPECT_FALSE(length.is_limited()) << type;
    EXPECT_GE(length.tokens, 100'000) << type;
  }
  for (const char* config :
       {R"({"model_type": "bloom"})", R"({"model_type": "mpt"})",
        R"({"model_type": "falcon", "alibi": true})",
        R"({"model_type": "baichuan", "num_hidden_layers": 40,
            "max_position_embeddings": 2048})"}) {
    const ContextLength length = read(config);
    EXPECT_EQ(length.tokens, 2048) << config;
    EXPECT_GT(length.most, 100'000) << config;
  }
  EXPECT_TRUE(read(R"({"model_type": "llama"})").is_limited());
  EXPECT_TRUE(read(R"({"model_type": "baichuan", "num_hidden_layers": 32,
                       "max_position_embeddings": 4096})")
                  .is_limited());
}

TEST(ContextLength, DynamicScalingStretchesIt) {
  const ContextLength length = read(R"({"max_position_embeddings": 2048,
      "rope_scaling": {"type": "dynamic", "factor": 4.0}})");
  EXPECT_EQ(length.tokens, 8192);
  EXPECT_FALSE(length.is_limited());
  // Hunyuan's is in what was trained.
  EXPECT_EQ(read(R"({"max_position_embeddings": 2048,
      "rope_scaling": {"type": "dynamic", "factor": 4.0, "alpha": 1000}})")
                .tokens,
            2048);
}

}  // namespace
}  // namespace abstractllm::engine
