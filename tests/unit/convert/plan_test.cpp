// What a conversion would write, decided without writing it.
// SPDX-License-Identifier: Apache-2.0
#include "convert/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "io/model_files.h"
#include "support/source_folder.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/safetensors_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::convert {
namespace {

using testing::HasSubstr;

io::WeightSource llama() {
  return io::WeightSource::open(
      io::ModelFiles::at(std::filesystem::path(ABSTRACTLLM_TEST_DATA) /
                         "fixtures" / "text" / "llama3"));
}

const PlannedModule* find(const ConversionPlan& plan, const std::string& name) {
  for (const PlannedModule& module : plan.modules) {
    if (module.source == name) return &module;
  }
  return nullptr;
}

TEST(ConversionPlans, QuantiseMatricesAndKeepVectors) {
  const auto plan =
      make_plan(llama(), {.mode = "affine", .bits = 8, .group_size = 32});
  const PlannedModule* module = find(plan, "model.layers.0.self_attn.q_proj");
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(module->quantisation, (Quantisation{"affine", 8, 32}));
  ASSERT_EQ(module->tensors.size(), 3u);
  EXPECT_EQ(module->tensors[0].type, "U32");
  EXPECT_THAT(module->tensors[0].shape, testing::ElementsAre(64, 16));
  EXPECT_THAT(module->tensors[1].shape, testing::ElementsAre(64, 2));
  EXPECT_EQ(module->tensors[1].type, "BF16");
  const PlannedModule* norm = find(plan, "model.norm.weight");
  ASSERT_NE(norm, nullptr);
  EXPECT_EQ(norm->kind, PlannedModule::Kind::kVector);
  EXPECT_FALSE(norm->quantisation);
}

TEST(ConversionPlans, QuantiseLayersOfAConvolutionButNotItsTaps) {
  const auto weights = io::WeightSource::open(
      io::ModelFiles::at(abstractllm::test::source_folder() / "tests" / "data" /
                         "fixtures" / "text" / "lfm2_moe"));
  const auto plan = make_plan(
      weights, {.mode = "mxfp4", .rules = {{"*conv.in_proj", "keep"}}});
  int layers = 0;
  int taps = 0;
  for (const PlannedModule& module : plan.modules) {
    if (module.source.ends_with(".conv.in_proj")) {
      EXPECT_EQ(module.kind, PlannedModule::Kind::kMatrix);
      ++layers;
    }
    if (module.source.ends_with(".conv.conv.weight")) {
      EXPECT_EQ(module.kind, PlannedModule::Kind::kVector);
      ++taps;
    }
  }
  EXPECT_GT(layers, 0);
  EXPECT_EQ(layers, taps);
}

TEST(ConversionPlans, SayThatNothingIsQuantised) {
  const auto all = make_plan(llama(), {.mode = "affine", .group_size = 32});
  EXPECT_TRUE(all.notes.empty());
  const auto none =
      make_plan(llama(), {.mode = "affine", .rules = {{"*", "keep"}}});
  ASSERT_EQ(none.notes.size(), 1u);
  EXPECT_THAT(none.notes.front(), HasSubstr("no module is quantised"));
}

TEST(ConversionPlans, TakeTheFirstRuleThatFits) {
  const auto plan = make_plan(llama(), {.mode = "affine",
                                        .rules = {{"*.down_proj", "8/32"},
                                                  {"*.layers.0.*", "keep"},
                                                  {"*.layers.1.*", "mxfp4"}}});
  EXPECT_EQ(find(plan, "model.layers.0.mlp.down_proj")->quantisation,
            (Quantisation{"affine", 8, 32}));
  EXPECT_FALSE(find(plan, "model.layers.0.mlp.up_proj")->quantisation);
  EXPECT_EQ(find(plan, "model.layers.1.mlp.up_proj")->quantisation,
            (Quantisation{"mxfp4", 4, 32}));
  const auto json = nlohmann::json::parse(quantization_json(plan));
  EXPECT_EQ(json.at("bits"), 4);
  EXPECT_EQ(json.at("group_size"), 64);
  EXPECT_EQ(json.at("model.layers.0.mlp.up_proj"), false);
  EXPECT_EQ(json.at("model.layers.1.mlp.up_proj").at("mode"), "mxfp4");
  EXPECT_FALSE(json.contains("model.layers.2.mlp.up_proj"));
}

TEST(ConversionPlans, RefuseRulesThatNameNothing) {
  struct Slip {
    const char* glob;
    const char* nearest;
  };
  for (const auto& [glob, nearest] :
       {Slip{"*.qproj", "*.q_proj"}, Slip{"model.norm", ""},
        Slip{"model.layers.0.mlp.downproj", "model.layers.0.mlp.down_proj"}}) {
    try {
      make_plan(llama(),
                {.mode = "affine", .rules = {{"*", "8"}, {glob, "4"}}});
      ADD_FAILURE() << glob;
    } catch (const InvalidParameterError& error) {
      EXPECT_THAT(error.what(), HasSubstr("rule '" + std::string(glob) + "'"));
      EXPECT_THAT(error.hint(), HasSubstr(nearest));
    }
  }
}

TEST(ConversionPlans, SayWhichWeightsStayInMxfp4) {
  const auto source = io::WeightSource::open(io::ModelFiles::at(
      test::source_folder() / "tests/data/fixtures/quant/qwen3_moe-mxfp4-mlx"));
  ConversionOptions options{.mode = "affine", .bits = 8, .group_size = 32};
  const auto plan = make_plan(source, options);
  ASSERT_EQ(plan.notes.size(), 1u);
  EXPECT_THAT(plan.notes[0], HasSubstr("modules stay in MXFP4"));
  EXPECT_TRUE(make_plan(source, {}).notes.empty());
  EXPECT_TRUE(make_plan(source, {.mode = "mxfp4"}).notes.empty());
  options.rules = {{"*", "8/32"}};
  const auto all = make_plan(source, options);
  EXPECT_TRUE(all.notes.empty());
  for (const PlannedModule& module : all.modules) {
    if (module.quantisation) {
      EXPECT_EQ(module.quantisation->mode, "affine") << module.source;
    }
  }
}

TEST(ConversionPlans, GiveMoreBitsAsMlxLmDoes) {
  // Of 32 layers: the first and last eighth, and every third between.
  EXPECT_TRUE(takes_more_bits("model.layers.3.self_attn.v_proj", 32));
  EXPECT_FALSE(takes_more_bits("model.layers.4.self_attn.v_proj", 32));
  EXPECT_TRUE(takes_more_bits("model.layers.6.mlp.down_proj", 32));
  EXPECT_TRUE(takes_more_bits("model.layers.28.mlp.down_proj", 32));
  EXPECT_FALSE(takes_more_bits("model.layers.28.mlp.up_proj", 32));
  EXPECT_TRUE(takes_more_bits("lm_head", 32));
  EXPECT_FALSE(takes_more_bits("model.embed_tokens", 32));
}

TEST(ConversionPlans, RefuseWhatMlxDoesNotHave) {
  for (const ConversionOptions& options :
       {ConversionOptions{.mode = "affine", .bits = 7},
        ConversionOptions{.mode = "affine", .group_size = 48},
        ConversionOptions{.mode = "mxfp4", .bits = 8},
        ConversionOptions{.mode = "int4"}, ConversionOptions{.bits = 4},
        ConversionOptions{.mode = "affine", .recipe = "mixed_1_2"},
        ConversionOptions{.mode = "affine", .bits = 4, .recipe = "mixed_3_6"},
        ConversionOptions{.mode = "affine", .rules = {{"*", "8/"}}},
        ConversionOptions{.dtype = "float64"}}) {
    EXPECT_THROW(make_plan(llama(), options), InvalidParameterError);
  }
}

TEST(Globs, MatchAsInAShell) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("*.q_proj", "model.layers.0.self_attn.q_proj"));
  EXPECT_TRUE(matches_glob("model.layers.?.mlp.*", "model.layers.3.mlp.up"));
  EXPECT_FALSE(matches_glob("model.layers.?.mlp.*", "model.layers.30.mlp.up"));
  EXPECT_FALSE(matches_glob("q_proj", "self_attn.q_proj"));
  EXPECT_FALSE(matches_glob("", "x"));
  EXPECT_TRUE(matches_glob("a*b*c", "aXXbYYbZc"));
  EXPECT_FALSE(matches_glob("a*b*c", "aXXbYYbZ"));
}

TEST(Globs, OfManyStarsAreAnsweredAtOnce) {
  std::string glob;
  for (int i = 0; i < 40; ++i) glob += "*a";
  EXPECT_FALSE(matches_glob(glob + "b", std::string(4000, 'a')));
}

std::vector<float> ones(std::size_t count) {
  return std::vector<float>(count, 1.0f);
}

io::TestTensor tensor_of_ones(const std::string& name,
                              std::vector<std::int64_t> shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) count *= std::size_t(size);
  return io::f32_tensor(name, std::move(shape), ones(count));
}

class PlansOfTensors : public testing::Test {
 protected:
  ConversionPlan plan_of(const std::string& config,
                         const std::vector<io::TestTensor>& tensors) const {
    folder_.write("config.json", config);
    folder_.write("model.safetensors", io::safetensors_text(tensors));
    return make_plan(io::WeightSource::open(io::ModelFiles::at(folder_.path())),
                     {.dtype = "bfloat16"});
  }

  std::string refusal_of(const std::string& config,
                         const std::vector<io::TestTensor>& tensors) const {
    return io::message_of<ModelLoadingError>([&] { plan_of(config, tensors); });
  }

  io::TemporaryFolder folder_;
};

TEST_F(PlansOfTensors, NeverRoundCorrectionsOfScores) {
  const std::string name = "model.layers.0.mlp.gate.e_score_correction_bias";
  const auto plan = plan_of(
      R"({"model_type":"glm4_moe"})",
      {tensor_of_ones(name, {4}), tensor_of_ones("model.norm.weight", {4}),
       tensor_of_ones("model.layers.0.mlp.gate.expert_bias", {4})});
  EXPECT_EQ(find(plan, name)->dtype, "F32");
  EXPECT_EQ(find(plan, "model.layers.0.mlp.gate.expert_bias")->dtype, "F32");
  EXPECT_EQ(find(plan, "model.norm.weight")->dtype, "BF16");
}

// The hidden size is 2 in all of these.
TEST_F(PlansOfTensors, StackExpertsOfEitherOrder) {
  const std::string mlp = "model.layers.0.mlp.";
  const std::string config =
      R"({"model_type":"qwen3_vl_moe","text_config":{"hidden_size":2}})";
  for (const bool inputs_first : {true, false}) {
    using Shape = std::vector<std::int64_t>;
    const auto plan = plan_of(
        config,
        {tensor_of_ones(mlp + "experts.gate_up_proj",
                        inputs_first ? Shape{3, 2, 8} : Shape{3, 8, 2}),
         tensor_of_ones(mlp + "experts.down_proj",
                        inputs_first ? Shape{3, 4, 2} : Shape{3, 2, 4})});
    const auto shape_of = [&](const std::string& name) {
      const PlannedModule* module = find(plan, mlp + "switch_mlp." + name);
      return module ? module->tensors.at(0).shape : Shape{};
    };
    EXPECT_THAT(shape_of("gate_proj"), testing::ElementsAre(3, 4, 2));
    EXPECT_THAT(shape_of("up_proj"), testing::ElementsAre(3, 4, 2));
    EXPECT_THAT(shape_of("down_proj"), testing::ElementsAre(3, 2, 4));
    EXPECT_EQ(plan.modules.size(), 3u);
  }
}

// Experts without gates, one by one as published and as transformers saves
// them.
TEST_F(PlansOfTensors, NameStacksOfNemotronAsMlxLmDoes) {
  const std::string config =
      R"({"model_type":"nemotron_h","n_routed_experts":2})";
  const std::string mixer = "backbone.layers.1.mixer.";
  std::vector<io::TestTensor> single;
  for (const std::string expert : {"experts.0.", "experts.1."}) {
    single.push_back(tensor_of_ones(mixer + expert + "up_proj.weight", {4, 2}));
    single.push_back(
        tensor_of_ones(mixer + expert + "down_proj.weight", {2, 4}));
  }
  const std::vector<io::TestTensor> stacked{
      tensor_of_ones(mixer + "experts.up_proj", {2, 4, 2}),
      tensor_of_ones(mixer + "experts.down_proj", {2, 2, 4})};
  for (const auto& tensors : {single, stacked}) {
    const auto plan = plan_of(config, tensors);
    EXPECT_EQ(plan.modules.size(), 2u);
    const PlannedModule* up = find(plan, mixer + "switch_mlp.fc1");
    const PlannedModule* down = find(plan, mixer + "switch_mlp.fc2");
    ASSERT_TRUE(up != nullptr && down != nullptr);
    EXPECT_THAT(up->tensors.at(0).shape, testing::ElementsAre(2, 4, 2));
    EXPECT_THAT(down->tensors.at(0).shape, testing::ElementsAre(2, 2, 4));
  }
}

// mlx-lm's routers of these are no layers that it quantises.
TEST_F(PlansOfTensors, KeepRoutersOfNemotron) {
  folder_.write("config.json",
                R"({"model_type":"nemotron_h","n_routed_experts":2})");
  folder_.write(
      "model.safetensors",
      io::safetensors_text(
          {tensor_of_ones("backbone.layers.1.mixer.gate.weight", {2, 64}),
           tensor_of_ones("backbone.layers.1.mixer.q_proj.weight", {2, 64})}));
  const auto plan =
      make_plan(io::WeightSource::open(io::ModelFiles::at(folder_.path())),
                {.mode = "affine", .bits = 4, .group_size = 32});
  EXPECT_FALSE(find(plan, "backbone.layers.1.mixer.gate")->quantisation);
  EXPECT_TRUE(find(plan, "backbone.layers.1.mixer.q_proj")->quantisation);
}

TEST_F(PlansOfTensors, RefuseStacksOfOtherShapes) {
  const std::string config = R"({"model_type":"gpt_oss","hidden_size":2})";
  const std::string unit = "model.layers.0.mlp.experts.gate_up_proj";
  EXPECT_THAT(refusal_of(config, {tensor_of_ones(unit, {2, 8})}),
              testing::AllOf(HasSubstr(unit), HasSubstr("(2, 8)")));
  EXPECT_THAT(refusal_of(config, {tensor_of_ones(unit, {3, 2, 7})}),
              HasSubstr("even number"));
  EXPECT_THAT(refusal_of(config, {tensor_of_ones(unit, {3, 2, 8}),
                                  tensor_of_ones(unit + "_bias", {3, 7})}),
              HasSubstr("21 numbers"));
  EXPECT_THAT(
      refusal_of(
          R"({"model_type":"granitemoe"})",
          {tensor_of_ones("model.layers.0.block_sparse_moe.input_linear.weight",
                          {8, 2})}),
      HasSubstr("experts, rows, columns"));
}

TEST_F(PlansOfTensors, RefuseExpertsOfDifferentSizes) {
  const std::string expert = "model.layers.0.mlp.experts.";
  EXPECT_THAT(refusal_of(R"({"model_type":"qwen3_moe"})",
                         {tensor_of_ones(expert + "0.up_proj.weight", {4, 2}),
                          tensor_of_ones(expert + "1.up_proj.weight", {3, 2})}),
              testing::AllOf(HasSubstr("experts.1.up_proj"),
                             HasSubstr("(3, 2)"), HasSubstr("(4, 2)")));
}

TEST_F(PlansOfTensors, GiveConvolutionsOfGgufThreeDimensions) {
  const std::string taps(32 * sizeof(float), '\0');
  folder_.write("model.gguf",
                io::GgufBuilder()
                    .put("general.architecture", "mamba")
                    .put("mamba.embedding_length", 4u)
                    .put("mamba.block_count", 1u)
                    .put("mamba.ssm.inner_size", 8u)
                    .put("mamba.ssm.state_size", 4u)
                    .put("mamba.ssm.time_step_rank", 2u)
                    .put("mamba.ssm.conv_kernel", 4u)
                    .put("mamba.attention.layer_norm_rms_epsilon", 1e-5f)
                    .tensor("blk.0.ssm_conv1d.weight", 0, {8, 4}, taps)
                    .build());
  const auto plan = make_plan(
      io::WeightSource::open(io::ModelFiles::at(folder_.path() / "model.gguf")),
      {});
  ASSERT_EQ(plan.modules.size(), 1u);
  EXPECT_THAT(plan.modules[0].tensors.at(0).shape,
              testing::ElementsAre(8, 4, 1));
}

}  // namespace
}  // namespace abstractllm::convert
