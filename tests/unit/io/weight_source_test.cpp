// SPDX-License-Identifier: Apache-2.0
#include "io/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/safetensors_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::vector<float> all_rows(const WeightMatrix& matrix) {
  std::vector<float> values(
      static_cast<std::size_t>(matrix.rows() * matrix.columns()));
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    matrix.read_row(row, std::span(values).subspan(
                             static_cast<std::size_t>(row * matrix.columns()),
                             static_cast<std::size_t>(matrix.columns())));
  }
  return values;
}

float largest(const std::vector<float>& values) {
  float result = 0;
  for (const float value : values) result = std::max(result, std::fabs(value));
  return result;
}

float largest_difference(const std::vector<float>& a,
                         const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float result = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    result = std::max(result, std::fabs(a[i] - b[i]));
  }
  return result;
}

constexpr const char* kProjections[] = {"self_attn.q_proj", "self_attn.k_proj",
                                        "self_attn.v_proj", "self_attn.o_proj",
                                        "mlp.gate_proj",    "mlp.up_proj",
                                        "mlp.down_proj"};

// The quantised fixtures were made from text fixtures: each weight must come
// out near the original, by no more than half a step of its quantisation.
void compare_with_original(const WeightSource& source,
                           const WeightSource& original, float tolerance) {
  const auto layers = original.config().require_int("num_hidden_layers");
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    for (const char* projection : kProjections) {
      const std::string module =
          "model.layers." + std::to_string(layer) + "." + projection;
      if (!original.has_matrix(module)) continue;
      SCOPED_TRACE(module);
      const auto expected = all_rows(original.matrix(module));
      const auto found = all_rows(source.matrix(module));
      EXPECT_LE(largest_difference(found, expected),
                tolerance * largest(expected));
      const std::string bias = module + ".bias";
      ASSERT_EQ(source.has_vector(bias), original.has_vector(bias));
      if (original.has_vector(bias)) {
        EXPECT_LE(
            largest_difference(source.vector(bias), original.vector(bias)),
            0.01f);
      }
    }
  }
}

float tolerance_of(const std::string& name) {
  if (name.find("f16") != name.npos) return 1e-3f;
  if (name.find("8") != name.npos) return 0.01f;
  return 0.15f;
}

TEST(WeightSource, GivesTheOriginalsOfQuantisedFixtures) {
  int compared = 0;
  for (const char* kind : {"gguf", "quant"}) {
    for (const auto& folder : fixtures(kind)) {
      const auto reference =
          nlohmann::json::parse(read_file(folder / "reference.json"));
      if (!reference.contains("of") || !reference["of"].is_string()) continue;
      const std::filesystem::path original =
          std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "fixtures/text" /
          reference["of"].get<std::string>();
      if (!std::filesystem::is_directory(original)) continue;
      SCOPED_TRACE(folder);
      compare_with_original(WeightSource::open(ModelFiles::at(folder)),
                            WeightSource::open(ModelFiles::at(original)),
                            tolerance_of(folder.filename().string()));
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

// mlx-lm stores the part for keys turned over, beside that for values.
TEST(WeightSource, JoinsDeepSeeksUnfoldingOfWhatMlxLmDivides) {
  const TemporaryFolder folder;
  folder.write("config.json", "{}");
  const std::string attention = "model.layers.0.self_attn.";
  // Two heads; 2 plain values, 1 value and a latent of 3.
  folder.write(
      "model.safetensors",
      safetensors_text({f32_tensor(attention + "embed_q.weight", {2, 3, 2},
                                   {1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60}),
                        f32_tensor(attention + "unembed_out.weight", {2, 1, 3},
                                   {7, 8, 9, 70, 80, 90})}));
  const auto source = WeightSource::open(ModelFiles::at(folder.path()));
  ASSERT_TRUE(source.has_matrix(attention + "kv_b_proj"));
  const WeightMatrix joined = source.matrix(attention + "kv_b_proj");
  EXPECT_EQ(joined.rows(), 6);
  EXPECT_EQ(all_rows(joined),
            (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50,
                                60, 70, 80, 90}));
  EXPECT_TRUE(source.unread_names().empty());
}

TEST(WeightSource, RefusesPartsOfAnUnfoldingThatDoNotFit) {
  const TemporaryFolder folder;
  folder.write("config.json", "{}");
  const std::string attention = "model.layers.0.self_attn.";
  folder.write(
      "model.safetensors",
      safetensors_text(
          {f32_tensor(attention + "embed_q.weight", {2, 1, 1}, {1, 2}),
           f32_tensor(attention + "unembed_out.weight", {1, 1, 2}, {7, 8})}));
  const auto source = WeightSource::open(ModelFiles::at(folder.path()));
  EXPECT_THAT(message_of<ModelLoadingError>(
                  [&] { source.matrix(attention + "kv_b_proj"); }),
              AllOf(HasSubstr("embed_q"), HasSubstr("unembed_out")));
}

TEST(WeightSource, MakesConfigJsonOfGgufMetadata) {
  int compared = 0;
  for (const auto& folder : fixtures("gguf")) {
    SCOPED_TRACE(folder);
    const auto expected =
        nlohmann::json::parse(read_file(folder / "reference.json"))["config"];
    const auto source = WeightSource::open(ModelFiles::at(folder));
    EXPECT_TRUE(source.is_gguf());
    const auto config = nlohmann::json::parse(source.config().to_json());
    for (const char* field :
         {"model_type", "architectures", "vocab_size", "hidden_size",
          "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "hidden_act", "max_position_embeddings",
          "rms_norm_eps", "rope_theta", "tie_word_embeddings", "eos_token_id",
          "bos_token_id", "head_dim", "attention_bias"}) {
      if (!expected.contains(field) || expected[field].is_null()) continue;
      EXPECT_EQ(config[field], expected[field]) << field;
    }
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(WeightSource, ReadsEveryTensorOfEveryFixture) {
  int opened = 0;
  for (const char* kind : {"text", "quant", "gguf"}) {
    for (const auto& folder : fixtures(kind)) {
      SCOPED_TRACE(folder);
      const auto source = WeightSource::open(ModelFiles::at(folder));
      for (const std::string& name : source.names()) {
        for (const std::string_view suffix : {".weight", "_blocks"}) {
          if (!name.ends_with(suffix)) continue;
          const auto matrix =
              source.matrix(name.substr(0, name.size() - suffix.size()));
          for (const float value : all_rows(matrix)) {
            ASSERT_TRUE(std::isfinite(value)) << name;
          }
        }
      }
      for (const std::string& name : source.unread_names()) {
        for (const float value : source.vector(name)) {
          ASSERT_TRUE(std::isfinite(value)) << name;
        }
      }
      EXPECT_THAT(source.unread_names(), testing::IsEmpty());
      ++opened;
    }
  }
  EXPECT_GT(opened, 0);
}

TEST(WeightSource, UndoesTheInterleavingOfLlamasBiasesToo) {
  const auto floats = [](std::initializer_list<float> values) {
    std::string bytes;
    for (const float value : values) bytes += GgufBuilder::bytes_of(value);
    return bytes;
  };
  const TemporaryFolder folder;
  const auto file = folder.write(
      "m.gguf",
      GgufBuilder()
          .put("general.architecture", "llama")
          .put("llama.embedding_length", 8u)
          .put("llama.block_count", 1u)
          .put("llama.feed_forward_length", 8u)
          .put("llama.attention.head_count", 2u)
          .put("llama.attention.head_count_kv", 1u)
          .put("llama.attention.layer_norm_rms_epsilon", 1e-5f)
          .tensor("blk.0.attn_q.bias", 0, {8}, floats({0, 1, 2, 3, 4, 5, 6, 7}))
          .tensor("blk.0.attn_k.weight", 0, {4, 1}, floats({0, 1, 2, 3}))
          .tensor("blk.0.attn_k.bias", 0, {3}, floats({0, 1, 2}))
          .tensor("blk.0.attn_v.bias", 0, {4}, floats({0, 1, 2, 3}))
          .build());
  const auto source = WeightSource::open(ModelFiles::at(file));
  const std::string layer = "model.layers.0.self_attn.";
  EXPECT_THAT(source.vector(layer + "q_proj.bias"),
              testing::ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  EXPECT_THAT(all_rows(source.matrix(layer + "k_proj")),
              testing::ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(source.vector(layer + "v_proj.bias"),
              testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(message_of<ModelLoadingError>(
                  [&] { source.vector(layer + "k_proj.bias"); }),
              testing::HasSubstr("3 rows for 1 heads"));
}

}  // namespace
}  // namespace abstractllm::io
