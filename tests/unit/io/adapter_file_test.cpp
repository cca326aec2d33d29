// Adapters' files: scales, names, and what is refused.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "abstractllm/error.h"
#include "base/log.h"
#include "io/adapter_base.h"
#include "io/adapter_scaling.h"
#include "io/expert_changes.h"
#include "io/model_files.h"
#include "io/name_pattern.h"
#include "io/weight_source.h"
#include "safetensors_builder.h"
#include "test_files.h"

namespace abstractllm::io {
namespace {

using testing::HasSubstr;

class Adapters : public testing::Test {
 protected:
  void write(const std::string& config, const std::vector<TestTensor>& tensors,
             const char* name = "adapter_model.safetensors") {
    folder_.write("adapter_config.json", config);
    folder_.write(name, safetensors_text(tensors));
  }
  AdapterFile open() const { return AdapterFile::open(folder_.path()); }

  TemporaryFolder folder_;
};

constexpr const char* kPeft =
    R"({"peft_type":"LORA","r":2,"lora_alpha":6,"base_model_name_or_path":"o/b"})";
constexpr const char* kWrapper = "base_model.model.model.layers.0.";

TEST_F(Adapters, OfPeftAreScaledByAlphaOverRank) {
  write(kPeft, {f32_tensor(std::string(kWrapper) + "mlp.up_proj.lora_A.weight",
                           {2, 3}, {1, 2, 3, 4, 5, 6}),
                f32_tensor(std::string(kWrapper) + "mlp.up_proj.lora_B.weight",
                           {1, 2}, {10, 20})});
  const AdapterFile adapter = open();
  const LowRankChange* change = adapter.find("model.layers.0.mlp.up_proj");
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->rank, 2);
  EXPECT_EQ(change->outputs, 1);
  EXPECT_EQ(change->inputs, 3);
  EXPECT_THAT(change->up, testing::ElementsAre(30, 60));
  EXPECT_THAT(change->down, testing::ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(adapter.base(), "o/b");
  EXPECT_EQ(adapter.find("model.layers.1.mlp.up_proj"), nullptr);
}

TEST_F(Adapters, OfMlxLmAreTurnedOver) {
  write(R"({"fine_tune_type":"lora","lora_parameters":{"scale":0.5}})",
        {f32_tensor("m.lora_a", {3, 2}, {1, 2, 3, 4, 5, 6}),
         f32_tensor("m.lora_b", {2, 1}, {10, 20})},
        "adapters.safetensors");
  const AdapterFile adapter = open();
  const LowRankChange* change = adapter.find("m");
  ASSERT_NE(change, nullptr);
  EXPECT_THAT(change->up, testing::ElementsAre(5, 10));
  EXPECT_THAT(change->down, testing::ElementsAre(1, 3, 5, 2, 4, 6));
}

TEST_F(Adapters, OfMlxLmMayHaveAFactorForEachExpert) {
  write(R"({"fine_tune_type":"lora","lora_parameters":{"scale":1}})",
        {f32_tensor("e.lora_a", {2, 3}, {1, 2, 3, 4, 5, 6}),
         f32_tensor("e.lora_b", {2, 2, 1}, {1, 2, 3, 4})},
        "adapters.safetensors");
  const AdapterFile adapter = open();
  const LowRankChange* change = adapter.find("e");
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->experts, 2);
  EXPECT_EQ(change->rank, 1);
  EXPECT_EQ(change->outputs, 4);
}

TEST_F(Adapters, WithoutTheSecondFactorAreRefused) {
  write(kPeft, {f32_tensor("base_model.model.x.lora_A.weight", {2, 3},
                           std::vector<float>(6))});
  EXPECT_THAT(message_of<Error>([&] { open(); }),
              HasSubstr("the other factor of 'x' is missing"));
}

TEST_F(Adapters, WhoseFactorsDoNotFitAreRefused) {
  write(kPeft, {f32_tensor("base_model.model.x.lora_A.weight", {2, 3},
                           std::vector<float>(6)),
                f32_tensor("base_model.model.x.lora_B.weight", {4, 3},
                           std::vector<float>(12))});
  EXPECT_THAT(message_of<Error>([&] { open(); }),
              HasSubstr("does not fit [2, 3]"));
}

TEST_F(Adapters, WithPartsNobodyKnowsAreRefused) {
  write(kPeft, {f32_tensor("base_model.model.x.lora_C.weight", {2}, {1, 2})});
  EXPECT_THAT(message_of<Error>([&] { open(); }),
              HasSubstr("is not supported"));
}

TEST_F(Adapters, ThatChangeTheModelsOwnWeightsTooAreRefusedByName) {
  const std::vector<TestTensor> tensors{
      f32_tensor("base_model.model.x.lora_A.weight", {2, 1}, {1, 2}),
      f32_tensor("base_model.model.x.lora_B.weight", {1, 2}, {1, 2})};
  for (const char* field :
       {R"("init_lora_weights":"pissa_niter_4")",
        R"("init_lora_weights":"olora")", R"("init_lora_weights":"lora_ga")",
        R"("alora_invocation_tokens":[3])", R"("use_qalora":true)",
        R"("layer_replication":[[0,2]])", R"("use_bdlora":{"nblocks":2})",
        R"("trainable_token_indices":[7])"}) {
    const std::string text(field);
    const std::string name = text.substr(1, text.find('"', 1) - 1);
    write(R"({"peft_type":"LORA","r":2,)" + text + "}", tensors);
    EXPECT_THAT(message_of<UnsupportedFeatureError>([&] { open(); }),
                HasSubstr(name));
  }
  write(R"({"peft_type":"LORA","r":2,"init_lora_weights":"gaussian",
            "use_qalora":false,"layer_replication":null,"use_bdlora":null,
            "trainable_token_indices":null,"some_new_option":1})",
        tensors);
  EXPECT_EQ(open().changes().size(), 1u);
}

TEST_F(Adapters, SayWhatATiedHeadSharesWithItsTable) {
  const std::string table = "base_model.model.model.embed_tokens.";
  const auto with = [&](const std::string& config) {
    write(R"({"peft_type":"LORA","r":1)" + config + "}",
          {f32_tensor(table + "weight", {2, 2}, {1, 2, 3, 4}),
           f32_tensor("base_model.model.x.lora_A.weight", {1, 1}, {1}),
           f32_tensor("base_model.model.x.lora_B.weight", {1, 1}, {1})});
    return open();
  };
  EXPECT_FALSE(with("").unties("lm_head"));
  EXPECT_TRUE(with(R"(,"modules_to_save":["embed_tokens"])").unties("lm_head"));
  EXPECT_FALSE(with(R"(,"modules_to_save":["embed_tokens"],
                       "ensure_weight_tying":true)")
                   .unties("lm_head"));
  // What lies below a change is no copy, though the change is the table's.
  write(R"({"peft_type":"LORA","r":1})",
        {f32_tensor(table + "base_layer.weight", {2, 2}, {1, 2, 3, 4}),
         f32_tensor(table + "lora_embedding_A", {1, 2}, {1, 2}),
         f32_tensor(table + "lora_embedding_B", {2, 1}, {1, 2})});
  const AdapterFile below = open();
  EXPECT_TRUE(
      below.replacements().at("model.embed_tokens.weight").reaches_tied_head);
  ASSERT_NE(below.find("model.embed_tokens"), nullptr);
  EXPECT_FALSE(below.find("model.embed_tokens")->reaches_tied_head);
  EXPECT_TRUE(below.unties("lm_head"));
}

TEST_F(Adapters, OfOtherKindsAreRefused) {
  write(R"({"peft_type":"IA3","r":2})", {f32_tensor("x", {1}, {1})});
  EXPECT_THROW(open(), UnsupportedModelError);
  write(R"({"peft_type":"LORA","r":0})", {f32_tensor("x", {1}, {1})});
  EXPECT_THROW(open(), ModelLoadingError);
  EXPECT_THROW(AdapterFile::open(folder_.path() / "absent"),
               ModelNotFoundError);
}

TEST_F(Adapters, ThatChangeOtherModulesOrShapesNameThem) {
  const auto model = std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "fixtures" /
                     "text" / "llama3";
  const auto source = WeightSource::open(ModelFiles::at(model));
  const auto open_with = [&](const std::string& module, std::int64_t outputs) {
    write(kPeft,
          {f32_tensor("base_model.model." + module + ".lora_A.weight", {2, 64},
                      std::vector<float>(128)),
           f32_tensor(
               "base_model.model." + module + ".lora_B.weight", {outputs, 2},
               std::vector<float>(static_cast<std::size_t>(outputs) * 2))});
    return std::make_shared<const AdapterFile>(open());
  };
  EXPECT_THAT(
      message_of<Error>(
          [&] { source.fused(open_with("model.layers.9.q", 64)); }),
      HasSubstr("changes 'model.layers.9.q', which the model does not have"));
  const auto other =
      source.fused(open_with("model.layers.0.self_attn.q_proj", 128));
  EXPECT_THAT(
      message_of<Error>(
          [&] { other.matrix("model.layers.0.self_attn.q_proj"); }),
      HasSubstr(
          "is changed by [128, 64] (rank 2), but the model has [64, 64]"));
}

TEST(AdapterBases, AreOthersWhereNeitherNameIsInTheOther) {
  for (const char* model :
       {"org/Llama-3.2-1B", "mlx-community/Llama-3.2-1B-Instruct-4bit",
        "/models/llama_3.2_1b.Q4_K_M.gguf", "Llama-3.2",
        "/c/models--org--Llama-3.2-1B/snapshots/0123456789abcdef", ""}) {
    EXPECT_FALSE(names_another_model("org/Llama-3.2-1B", model)) << model;
  }
  for (const char* model : {"org/Qwen3-1B", "org/llama-3.1-8b", "/x/y"}) {
    EXPECT_TRUE(names_another_model("org/Llama-3.2-1B", model)) << model;
  }
  EXPECT_FALSE(names_another_model("", "org/Qwen3-1B"));
}

TEST_F(Adapters, OfAnotherBaseAreNamedInTheLog) {
  write(kPeft, {f32_tensor("base_model.model.m.lora_A.weight", {1, 1}, {1}),
                f32_tensor("base_model.model.m.lora_B.weight", {1, 1}, {1})});
  std::string text;
  base::set_log(base::LogLevel::kWarning,
                [&](base::LogLevel, std::string_view, std::string_view line) {
                  text += line;
                });
  warn_of_other_base(open(), "org/other");
  base::set_log(base::LogLevel::kOff, {});
  EXPECT_THAT(text, HasSubstr("was made for 'o/b', and the model is "
                              "'org/other'"));
}

// Tensors of `experts` experts, each factor counting up.
TestTensor counting(const std::string& name, std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i + 1);
  }
  return f32_tensor(name, std::move(shape), values);
}

// up * down of row `row` of `change`.
std::vector<float> changed_row(const LowRankChange& change, std::int64_t row) {
  const std::int64_t expert = row / (change.outputs / change.experts);
  std::vector<float> sum(static_cast<std::size_t>(change.inputs));
  for (std::int64_t r = 0; r < change.rank; ++r) {
    const float up = change.up.at(std::size_t(row * change.rank + r));
    for (std::int64_t i = 0; i < change.inputs; ++i) {
      sum[std::size_t(i)] +=
          up * change.down.at(
                   std::size_t((expert * change.rank + r) * change.inputs + i));
    }
  }
  return sum;
}

// PEFT: W[e] += B[:, r, e] A[e, r], experts running fastest in B's columns.
constexpr const char* kParameters =
    R"({"peft_type":"LORA","r":2,"lora_alpha":2,
        "target_parameters":["experts.gate_up_proj","experts.down_proj"]})";

class ParameterAdapters : public Adapters {
 protected:
  // Two experts of 3 inputs, 2 rows in each half, PEFT's way.
  void write_stacks() {
    const std::string experts = "base_model.model.l.mlp.experts.";
    write(kParameters, {counting(experts + "base_layer.lora_A.weight", {4, 2}),
                        counting(experts + "base_layer.lora_B.weight", {3, 4}),
                        counting(experts + "lora_A.weight", {4, 3}),
                        counting(experts + "lora_B.weight", {4, 4})});
  }
};

TEST_F(ParameterAdapters, AreToldApartByTheirShapes) {
  write_stacks();
  const AdapterFile adapter = open();
  const LowRankChange* gates = adapter.find("l.mlp.experts.gate_up_proj");
  const LowRankChange* down = adapter.find("l.mlp.experts.down_proj");
  ASSERT_NE(gates, nullptr);
  ASSERT_NE(down, nullptr);
  EXPECT_EQ(gates->experts, 2);
  EXPECT_EQ(gates->outputs, 8);
  EXPECT_EQ(gates->inputs, 3);
  EXPECT_EQ(down->outputs, 6);
  EXPECT_EQ(down->inputs, 2);
  // Row 0 of expert 1: B[0] is 1 2 3 4, of which 2 and 4 are this expert's;
  // its rows of A are 7 8 9 and 10 11 12.
  EXPECT_THAT(
      changed_row(*gates, 4),
      testing::ElementsAre(2 * 7 + 4 * 10, 2 * 8 + 4 * 11, 2 * 9 + 4 * 12));
}

TEST_F(ParameterAdapters, FindExpertsThatLieInAnotherWay) {
  write_stacks();
  const auto adapter = std::make_shared<const AdapterFile>(open());
  const LowRankChange& gates = *adapter->find("l.mlp.experts.gate_up_proj");
  const auto has = [](std::map<std::string, int, std::less<>> modules) {
    return [modules = std::move(modules)](std::string_view module) {
      const auto found = modules.find(module);
      return found == modules.end() ? std::int64_t{0} : found->second;
    };
  };
  const auto own =
      fitted_to_experts(adapter, has({{"l.mlp.experts.0.gate_proj", 1},
                                      {"l.mlp.experts.1.gate_proj", 1},
                                      {"l.mlp.experts.0.up_proj", 1},
                                      {"l.mlp.experts.1.up_proj", 1},
                                      {"l.mlp.experts.0.down_proj", 1},
                                      {"l.mlp.experts.1.down_proj", 1}}));
  ASSERT_EQ(own->changes().size(), 6u);
  EXPECT_EQ(changed_row(*own->find("l.mlp.experts.1.gate_proj"), 1),
            changed_row(gates, 5));
  EXPECT_EQ(changed_row(*own->find("l.mlp.experts.0.up_proj"), 0),
            changed_row(gates, 2));
  const auto stacks = fitted_to_experts(
      adapter, has({{"l.block_sparse_moe.switch_mlp.gate_proj", 2},
                    {"l.block_sparse_moe.switch_mlp.up_proj", 2},
                    {"l.block_sparse_moe.switch_mlp.down_proj", 2}}));
  const LowRankChange* up =
      stacks->find("l.block_sparse_moe.switch_mlp.up_proj");
  ASSERT_NE(up, nullptr);
  EXPECT_EQ(changed_row(*up, 3), changed_row(gates, 7));
  // And back: two stacks into one.
  const auto joined =
      fitted_to_experts(stacks, has({{"l.block_sparse_moe.input_linear", 2},
                                     {"l.block_sparse_moe.output_linear", 2}}));
  const LowRankChange* all = joined->find("l.block_sparse_moe.input_linear");
  ASSERT_NE(all, nullptr);
  for (int row = 0; row < 8; ++row) {
    EXPECT_EQ(changed_row(*all, row), changed_row(gates, row)) << row;
  }
}

TEST_F(ParameterAdapters, OfOneExpertMoreThanThereAreAreRefused) {
  write(R"({"peft_type":"LORA","r":1,"lora_alpha":1})",
        {counting("base_model.model.l.mlp.experts.2.up_proj.lora_A.weight",
                  {1, 3}),
         counting("base_model.model.l.mlp.experts.2.up_proj.lora_B.weight",
                  {2, 1})});
  const auto adapter = std::make_shared<const AdapterFile>(open());
  const auto message = message_of<ModelLoadingError>([&] {
    fitted_to_experts(adapter, [](std::string_view module) {
      return module == "l.mlp.switch_mlp.up_proj" ? 2 : 0;
    });
  });
  EXPECT_THAT(message, HasSubstr("expert 2 of 'l.mlp.switch_mlp.up_proj'"));
}

TEST_F(ParameterAdapters, WhoseExpertsDifferInSizeAreRefused) {
  const std::string experts = "base_model.model.l.mlp.experts.";
  write(R"({"peft_type":"LORA","r":1,"lora_alpha":1})",
        {counting(experts + "0.gate_proj.lora_A.weight", {1, 3}),
         counting(experts + "0.gate_proj.lora_B.weight", {2, 1}),
         counting(experts + "1.gate_proj.lora_A.weight", {1, 3}),
         counting(experts + "1.gate_proj.lora_B.weight", {5, 1}),
         counting(experts + "-1.gate_proj.lora_A.weight", {1, 3}),
         counting(experts + "-1.gate_proj.lora_B.weight", {2, 1})});
  const auto adapter = std::make_shared<const AdapterFile>(open());
  const auto message = message_of<ModelLoadingError>([&] {
    fitted_to_experts(adapter, [](std::string_view module) {
      return module == "l.mlp.experts.gate_up_proj" ? 2 : 0;
    });
  });
  EXPECT_THAT(message, HasSubstr("by [5, 3], another by [2, 3]"));
}

TEST(AdapterPatterns, AreRegularExpressions) {
  const std::string module = "model.layers.12.self_attn.q_proj";
  for (const char* pattern :
       {R"(layers\.(1|12)\.self_attn\.[qk]_proj)", R"(.*\.(q|v)_proj)",
        "layers.[0-9]+.self_attn.q_proj", "layers.1[0-4].*", R"(\w+_proj)",
        "(?:self_attn|mlp).(q_proj)?", "[^k]_proj", R"(layers\.\d{2}\..+?)",
        R"(model\.layers\.\d{1,3}\.self_attn\.q_proj)"}) {
    EXPECT_TRUE(matches_module(pattern, module)) << pattern;
  }
  for (const char* pattern :
       {R"(layers\.(0|1)\.self_attn\.q_proj)", "[k-p]_proj", R"(\D{3})", "",
        "^$", R"(layers\.\d{3}\..+)", "(a|b)"}) {
    EXPECT_FALSE(matches_module(pattern, module)) << pattern;
  }
  // Would take a search that goes back for ever.
  EXPECT_FALSE(matches_module("(a*)*(a*)*(a*)*b", std::string(2000, 'a')));
}

TEST(AdapterPatterns, NameAModuleOrItsLastParts) {
  const std::string module = "model.layers.12.self_attn.q_proj";
  for (const char* pattern :
       {"q_proj", "self_attn.q_proj", "^model.layers.12.self_attn.q_proj",
        R"(layers\.\d+\.self_attn\.q_proj)", ".*q_proj", "model.*q_proj$"}) {
    EXPECT_TRUE(matches_module(pattern, module)) << pattern;
  }
  for (const char* pattern : {"proj", "_proj", "^q_proj", "layers.12", "k_proj",
                              R"(layers\.\d\.self_attn\.q_proj)"}) {
    EXPECT_FALSE(matches_module(pattern, module)) << pattern;
  }
  for (const char* pattern :
       {"*", "(a", "a)", "[a", "a{", "(?=a)", "(?P<n>a)", R"(\1)", R"(a\)",
        "a{3,2}", "(((((a{90}){90}){90}){90}){90})"}) {
    EXPECT_THROW(matches_module(pattern, module), ModelLoadingError) << pattern;
  }
}

TEST(AdapterPatterns, OfManyRepeatsAreAnsweredAtOnce) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(matches_module("^" + pattern + "$", std::string(2000, 'b')));
}

TEST(AdapterScalings, TakeTheRootOfTheRankAndTheModulesOwnAlpha) {
  const auto config = JsonConfig::parse(
      R"({"r":4,"lora_alpha":8,"use_rslora":true,"alpha_pattern":{"k":2}})",
      "test");
  const AdapterScaling scaling(config, true);
  EXPECT_FLOAT_EQ(scaling.factor("a.q", 4), 4);
  EXPECT_FLOAT_EQ(scaling.factor("a.k", 4), 1);
  EXPECT_FLOAT_EQ(scaling.factor("a.q", 2), 8 / std::sqrt(2.0f));
}

}  // namespace
}  // namespace abstractllm::io
