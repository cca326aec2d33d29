// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "abstractllm/error.h"
#include "io/model_config.h"
#include "io/quantization_config.h"
#include "io/weight_source.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

QuantizationConfig parse(const char* text) {
  return QuantizationConfig(JsonConfig::parse(text, "config.json"));
}

TEST(QuantizationConfig, FillsAModulesEntryFromTheCommonOne) {
  const auto config = parse(R"({"quantization": {
      "bits": 4, "group_size": 64, "mode": "affine",
      "model.layers.0.mlp.down_proj": {"bits": 8},
      "lm_head": {"mode": "mxfp4", "group_size": 32},
      "model.embed_tokens": false}})");
  EXPECT_EQ(config.rule("model.layers.1.mlp.down_proj").bits, 4);
  const auto special = config.rule("model.layers.0.mlp.down_proj");
  EXPECT_EQ(special.bits, 8);
  EXPECT_EQ(special.group_size, 64);
  EXPECT_EQ(special.mode, QuantizationMode::kAffine);
  EXPECT_EQ(config.rule("lm_head").mode, QuantizationMode::kMxfp4);
}

TEST(QuantizationConfig, AnEntryWithoutAModeIsAffineWhateverTheOthersAre) {
  const auto config = parse(R"({"quantization": {
      "bits": 4, "group_size": 32, "mode": "mxfp4",
      "model.layers.0.mlp.gate": {"bits": 8, "group_size": 64},
      "lm_head": {"bits": 6}}})");
  const auto gate = config.rule("model.layers.0.mlp.gate");
  EXPECT_EQ(gate.mode, QuantizationMode::kAffine);
  EXPECT_EQ(gate.bits, 8);
  EXPECT_EQ(gate.group_size, 64);
  // MXFP4's groups are not those of affine codes.
  EXPECT_EQ(config.rule("lm_head").group_size, std::nullopt);
  EXPECT_EQ(config.rule("model.norm").mode, QuantizationMode::kMxfp4);
}

TEST(QuantizationConfig, HasNoRuleWithoutAnEntry) {
  const auto rule = parse("{}").rule("lm_head");
  EXPECT_FALSE(rule.bits || rule.group_size || rule.mode);
}

// Configs of before each method had its name in them.
TEST(QuantizationConfig, KnowsMethodsByTheirFields) {
  const auto method = [](const std::string& entry) {
    return parse((R"({"quantization_config":)" + entry + "}").c_str())
        .packed()
        .method;
  };
  EXPECT_EQ(method(R"({"quant_algo": "FP8"})"), PackedMethod::kModelOpt);
  EXPECT_EQ(method(R"({"w_bit": 4, "q_group_size": 128})"), PackedMethod::kAwq);
  EXPECT_EQ(method(R"({"bits": 4, "group_size": 128, "desc_act": false})"),
            PackedMethod::kGptq);
  EXPECT_EQ(method(R"({"bits": 4, "group_size": 64})"), PackedMethod::kNone);
  EXPECT_EQ(method(R"({"load_in_4bit": false})"), PackedMethod::kNone);
  EXPECT_FALSE(
      parse(R"({"quantization_config": {"load_in_8bit": false}})").is_mlx());
}

TEST(QuantizationConfig, HasRulesOfSingleModules) {
  const auto config = parse(R"j({"quantization_config": {
      "quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {
        "-:.*\\.mlp\\.gate": {}, "+:model\\.layers\\.1\\.": {"bits": 8},
        "lm_head": {"group_size": 32}, "+:(?!odd)": {"bits": 3}}}})j");
  EXPECT_EQ(config.packed("model.layers.0.mlp.up_proj")->bits, 4);
  EXPECT_EQ(config.packed("model.layers.1.mlp.up_proj")->bits, 8);
  EXPECT_EQ(config.packed("model.layers.11.mlp.up_proj")->bits, 4);
  EXPECT_EQ(config.packed("lm_head")->group, 32);
  EXPECT_EQ(config.packed("model.layers.1.mlp.gate_proj"), std::nullopt);
  const auto mixed = parse(R"({"quantization_config": {
      "quant_algo": "MIXED_PRECISION", "quantized_layers": {
        "model.layers.0.mlp.up_proj": {"quant_algo": "NVFP4"},
        "model.layers.0.mlp.down_proj": {"quant_algo": "FP8"}}}})");
  EXPECT_EQ(mixed.packed("model.layers.0.mlp.up_proj")->codes,
            PackedCodes::kNvfp4);
  EXPECT_EQ(mixed.packed("model.layers.0.mlp.down_proj")->codes,
            PackedCodes::kFp8);
  EXPECT_EQ(mixed.packed("lm_head"), std::nullopt);
}

TEST(QuantizationConfig, RefusesWhatItsFieldsSay) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"load_in_4bit": true, "bnb_4bit_quant_type": "nf4"})",
       "'bitsandbytes'"},
      {R"({"quant_algo": "W4A8_AWQ"})", "'modelopt' as W4A8_AWQ"},
      {R"({"quant_algo": "MIXED_PRECISION",
           "quantized_layers": {"a": {"quant_algo": "INT4_AWQ"}}})",
       "as INT4_AWQ"},
      {R"({"quant_method": "auto-round", "bits": 2})", "packing 'auto_round'"},
      {R"({"quant_method": "compressed-tensors", "format": "marlin-24"})",
       "in format 'marlin-24'"}};
  for (const auto& [entry, named] : kCases) {
    const std::string text =
        std::string(R"({"quantization_config":)") + entry + "}";
    EXPECT_THAT(message_of<UnsupportedModelError>([&] { parse(text.c_str()); }),
                HasSubstr(named));
  }
}

TEST(QuantizationConfig, IsReadFromTheFilesBesideTheConfig) {
  const auto method = [](const char* file, const char* text,
                         const char* config = "{}") {
    const TemporaryFolder folder;
    folder.write(file, text);
    return QuantizationConfig(
        load_model_config(folder.write("config.json", config)));
  };
  const auto modelopt = method("hf_quant_config.json", R"({
      "producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4",
      "group_size": 16, "exclude_modules": ["lm_head"]}})");
  EXPECT_EQ(modelopt.packed().codes, PackedCodes::kNvfp4);
  const auto gptq =
      method("quantize_config.json",
             R"({"bits": 8, "group_size": -1, "desc_act": true})");
  EXPECT_EQ(gptq.packed().method, PackedMethod::kGptq);
  EXPECT_EQ(gptq.packed().bits, 8);
  const auto awq = method(
      "quant_config.json",
      R"({"zero_point": true, "q_group_size": 32, "w_bit": 4, "version": "GEMM"})");
  EXPECT_EQ(awq.packed().method, PackedMethod::kAwq);
  EXPECT_EQ(awq.packed().group, 32);
  // What the config itself says goes before.
  const auto mlx = method("quantize_config.json", R"({"bits": 8})",
                          R"({"quantization": {"bits": 4, "group_size": 64}})");
  EXPECT_EQ(mlx.packed().method, PackedMethod::kNone);
  EXPECT_TRUE(mlx.is_mlx());
}

TEST(QuantizationConfig, RefusesMethodsByName) {
  for (const char* method : {"bitsandbytes", "eetq", "hqq"}) {
    const std::string text =
        std::string(R"({"quantization_config":{"quant_method":")") + method +
        "\"}}";
    EXPECT_THAT(message_of<UnsupportedModelError>([&] { parse(text.c_str()); }),
                HasSubstr(method));
  }
  EXPECT_THAT(message_of<UnsupportedModelError>(
                  [] { parse(R"({"quantization": {"mode": "fp5"}})"); }),
              HasSubstr("'fp5'"));
  EXPECT_THROW(parse(R"({"quantization": {"bits": "four"}})"),
               ModelLoadingError);
}

StoredTensor shaped(std::vector<std::int64_t> shape) {
  StoredTensor tensor;
  tensor.name = "w";
  tensor.type = StorageType::kU32;
  tensor.shape = std::move(shape);
  return tensor;
}

TEST(InferAffineLayout, PrefersTheRuleThenGroupsOf64) {
  // 256 bits a group.
  const auto weight = shaped({8, 16});
  const auto scales = shaped({8, 2});
  const auto layout = infer_affine_layout({}, weight, scales);
  EXPECT_EQ(layout.bits, 4);
  EXPECT_EQ(layout.group_size, 64);
  EXPECT_EQ(infer_affine_layout({.bits = 8}, weight, scales).group_size, 32);
  EXPECT_EQ(infer_affine_layout({.group_size = 128}, weight, scales).bits, 2);
  // 96 bits a group: 3 x 32 and 6 x 16.
  EXPECT_EQ(infer_affine_layout({}, shaped({8, 3}), shaped({8, 1})).bits, 3);
}

TEST(InferAffineLayout, RefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of<ModelLoadingError>([] {
                infer_affine_layout({.bits = 4, .group_size = 32},
                                    shaped({8, 16}), shaped({8, 2}));
              }),
              AllOf(HasSubstr("16 words for 2 scales"), HasSubstr("4 bits"),
                    HasSubstr("groups of 32")));
  for (const auto& [weight, scales] :
       {std::pair{shaped({8, 16}), shaped({8, 0})},
        std::pair{shaped({}), shaped({})},
        std::pair{shaped({8, 16}), shaped({8, 3})},
        std::pair{shaped({1, std::int64_t{1} << 60}), shaped({1, 1})}}) {
    EXPECT_THROW(infer_affine_layout({}, weight, scales), ModelLoadingError);
  }
}

// A folder with one safetensors file, built tensor by tensor.
class ModelFolder {
 public:
  ModelFolder& tensor(const std::string& name, const char* dtype,
                      const std::string& shape, const std::string& data) {
    header_ += (header_.empty() ? "{\"" : ",\"") + name + "\":{\"dtype\":\"" +
               dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
               std::to_string(data_.size()) + "," +
               std::to_string(data_.size() + data.size()) + "]}";
    data_ += data;
    return *this;
  }

  WeightSource open(const std::string& config) {
    folder_.write("config.json", config);
    const std::string header = header_ + "}";
    folder_.write(
        "model.safetensors",
        GgufBuilder::bytes_of<std::uint64_t>(header.size()) + header + data_);
    return WeightSource::open(ModelFiles::at(folder_.path()));
  }

 private:
  TemporaryFolder folder_;
  std::string header_;
  std::string data_;
};

TEST(WeightSourceQuantization, DecidesModuleByModule) {
  ModelFolder folder;
  const auto add = [&](const std::string& name, int words, int groups) {
    folder.tensor(name + ".weight", "U32", "[1," + std::to_string(words) + "]",
                  std::string(4u * words, '\x11'));
    for (const char* part : {".scales", ".biases"}) {
      folder.tensor(name + part, "BF16", "[1," + std::to_string(groups) + "]",
                    std::string(2u * groups, '\x40'));
    }
  };
  add("common", 8, 1);   // 64 codes of 4 bits
  add("special", 8, 1);  // 32 codes of 8 bits
  folder.tensor("dense.weight", "F32", "[1,2]", std::string(8, '\0'));
  folder.tensor("fp4.weight", "U32", "[1,4]", std::string(16, '\x22'));
  folder.tensor("fp4.scales", "U8", "[1,1]", std::string(1, '\x7f'));
  folder.tensor("oss_blocks", "U8", "[2,3,1,16]", std::string(96, '\x22'));
  folder.tensor("oss_scales", "U8", "[2,3,1]", std::string(6, '\x7f'));
  folder.tensor("bare", "F32", "[2]", std::string(8, '\0'));
  const auto source = folder.open(R"({"quantization": {
      "bits": 4, "group_size": 64, "special": {"bits": 8, "group_size": 32}}})");
  EXPECT_EQ(source.matrix("common").columns(), 64);
  EXPECT_EQ(source.matrix("special").columns(), 32);
  EXPECT_EQ(source.matrix("special").bits(), 8);
  EXPECT_EQ(source.matrix("dense").encoding(), WeightEncoding::kDense);
  EXPECT_EQ(source.matrix("fp4").encoding(), WeightEncoding::kMxfp4);
  const auto oss = source.matrix("oss");
  EXPECT_EQ(oss.rows(), 6);
  EXPECT_EQ(oss.columns(), 32);
  EXPECT_THAT(source.unread_names(), ElementsAre("bare"));
  EXPECT_TRUE(source.has_matrix("bare"));
  EXPECT_EQ(source.matrix("bare").columns(), 2);
  EXPECT_THAT(source.unread_names(), testing::IsEmpty());
  EXPECT_FALSE(source.has_matrix("other"));
}

TEST(WeightSourceQuantization, NamesWhatIsMissing) {
  ModelFolder folder;
  folder.tensor("q.weight", "U32", "[1,8]", std::string(32, 'x'));
  folder.tensor("q.scales", "F16", "[1,1]", std::string(2, 'x'));
  folder.tensor("ids", "I32", "[1]", std::string(4, 'x'));
  const auto source = folder.open("{}");
  EXPECT_THAT(message_of<ModelLoadingError>([&] { source.matrix("q"); }),
              AllOf(HasSubstr("'q.biases'"), HasSubstr("nearest: q.scales")));
  EXPECT_THAT(message_of<ModelLoadingError>([&] { source.matrix("p"); }),
              HasSubstr("'p.weight'"));
  EXPECT_THAT(message_of<ModelLoadingError>([&] { source.vector("ids"); }),
              AllOf(HasSubstr("'ids' (I32 [1])"), HasSubstr("floating-point")));
  EXPECT_FALSE(source.find_vector("none").has_value());
  EXPECT_EQ(source.find_tensor("none"), nullptr);
}

}  // namespace
}  // namespace abstractllm::io
