// Published models by their configs alone, against sums of our own.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "engine/doctor.h"
#include "unit/io/test_files.h"

namespace abstractllm::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using Notes = std::vector<std::string>;

MachineFacts large_machine() {
  return {.mlx_version = "0.32.4",
          .has_metal = true,
          .has_cuda = true,
          .simd = "AVX2",
          .logical_cores = 8,
          .usable_threads = 8,
          .memory_available = 1'000'000'000'000'000};
}

// A folder of config and tokenizer, under the name of the model.
class DryModel {
 public:
  DryModel(const std::string& name, const std::string& config,
           const std::string& chat_template = "")
      : path_(folder_.path() / name) {
    folder_.write(name + "/config.json", config);
    if (!chat_template.empty()) {
      folder_.write(name + "/chat_template.jinja", chat_template);
    }
    fs::copy_file(fs::path(ABSTRACTLLM_TEST_DATA) /
                      "fixtures/text/mistral/tokenizer.json",
                  path_ / "tokenizer.json");
  }

  json facts(const EngineOptions& options = {}) const {
    return json::parse(diagnose(path_.string(), large_machine(), options).json);
  }

  void remove(const char* file) const { fs::remove(path_ / file); }
  void write(const std::string& file, const std::string& text) const {
    folder_.write(path_ / file, text);
  }

 private:
  io::TemporaryFolder folder_;
  fs::path path_;
};

// Of the first listed product or attention whose name has `what` in it.
json find_path(const json& facts, const std::string& what,
               const std::string& backend) {
  for (const json& path : facts.at("paths")) {
    if (path.at("backend") == backend &&
        path.at("what").get<std::string>().find(what) != std::string::npos) {
      return path;
    }
  }
  return {{"path", "none"}, {"because", "none"}};
}

struct Path {
  const char* what;
  const char* backend;
  const char* route;
  const char* because;
};

struct Row {
  const char* name;
  const char* config;
  const char* chat_template;
  const char* family;
  int context;
  double weight_bytes;   // as its form stores them
  double bytes_a_token;  // of keys and values in 16 bits
  const char* quantisation;
  std::vector<Path> paths;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.name;
}

// Numbers of a model of Llama's form without its small vectors.
double sum_of(double layers, double hidden, double heads, double kv_heads,
              double head_dim, double mlp, double tables) {
  return layers * (hidden * head_dim * (2 * heads + 2 * kv_heads) +
                   3 * hidden * mlp) +
         tables * hidden;
}

const char* const kNoKernel80 = "head size 80 has no kernel";

class SeedRow : public testing::TestWithParam<Row> {};

TEST_P(SeedRow, IsToldFromItsConfig) {
  const Row& row = GetParam();
  const DryModel model(row.name, row.config, row.chat_template);
  const json facts = model.facts();
  EXPECT_EQ(facts.at("facts").at("family"), row.family);
  EXPECT_EQ(facts.at("facts").at("context_length"),
            std::to_string(row.context));
  EXPECT_THAT(facts.at("facts").at("quantisation").get<std::string>(),
              HasSubstr(row.quantisation));
  EXPECT_NEAR(facts.at("weights").at("bytes").get<double>() / row.weight_bytes,
              1, 0.05);
  const json& longest = facts.at("memory").back();
  EXPECT_EQ(longest.at("context"), row.context);
  const double cache = row.bytes_a_token * row.context;
  EXPECT_NEAR(longest.at("cache_bytes").at("f16").get<double>() / cache, 1,
              0.01);
  EXPECT_NEAR(
      longest.at("needed_bytes").get<double>() / (row.weight_bytes + cache), 1,
      0.05);
  for (const Path& path : row.paths) {
    SCOPED_TRACE(fmt::format("{} on {}", path.what, path.backend));
    const json found = find_path(facts, path.what, path.backend);
    EXPECT_EQ(found.at("path"), path.route);
    EXPECT_THAT(found.at("because").get<std::string>(),
                HasSubstr(path.because));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Published, SeedRow,
    testing::Values(
        Row{"Qwen3-4B-4bit",
            R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
                "attention_bias": false, "bos_token_id": 151643,
                "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
                "hidden_size": 2560, "intermediate_size": 9728,
                "max_position_embeddings": 40960, "max_window_layers": 36,
                "num_attention_heads": 32, "num_hidden_layers": 36,
                "num_key_value_heads": 8,
                "quantization": {"group_size": 64, "bits": 4},
                "quantization_config": {"group_size": 64, "bits": 4},
                "rms_norm_eps": 1e-06, "rope_scaling": null,
                "rope_theta": 1000000, "sliding_window": null,
                "tie_word_embeddings": true, "use_sliding_window": false,
                "vocab_size": 151936})",
            "",
            "qwen3",
            40960,
            sum_of(36, 2560, 32, 8, 128, 9728, 151936) * 4.5 / 8,
            2.0 * 36 * 2 * 8 * 128,
            "4 bits, groups of 64",
            {{"attention 32x128 over 8, decode", "metal", "fused", "128"},
             {"attention 32x128 over 8, decode", "cuda", "fused", "128"},
             {"attention 32x128 over 8, decode", "cpu", "fused", "our kernel"},
             {"attention 32x128 over 8, prefill", "metal", "fused", "128"},
             {"matmul 9728x2560, 4 bits", "metal", "fused", "quantized_matmul"},
             {"matmul 9728x2560, 4 bits", "cuda", "fused", "tensor cores"},
             {"matmul 9728x2560, 4 bits", "cpu", "fused",
              "our kernel over packed codes"}}},
        Row{"defog-sqlcoder-7b-2",
            R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
                "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
                "hidden_size": 4096, "intermediate_size": 11008,
                "max_position_embeddings": 16384, "num_attention_heads": 32,
                "num_hidden_layers": 32, "num_key_value_heads": 32,
                "pretraining_tp": 1, "rms_norm_eps": 1e-05,
                "rope_scaling": null, "rope_theta": 1000000,
                "tie_word_embeddings": false, "torch_dtype": "float16",
                "vocab_size": 32016})",
            "",
            "code",
            16384,
            2 * sum_of(32, 4096, 32, 32, 128, 11008, 2 * 32016),
            2.0 * 32 * 2 * 32 * 128,
            "BF16",
            {{"attention 32x128 over 32, decode", "metal", "fused", "128"},
             {"attention 32x128 over 32, decode", "cuda", "fused", "128"},
             {"attention 32x128 over 32, prefill", "cuda", "fused", "128"},
             {"attention 32x128 over 32, decode", "cpu", "fused", "our"},
             {"matmul 11008x4096, 16 bits", "metal", "fused", "matmul"},
             {"matmul 11008x4096, 16 bits", "cuda", "fused", "matmul"},
             {"matmul 11008x4096, 16 bits", "cpu", "fused",
              "our kernel over packed numbers"}}},
        Row{"h2o-danube2-1.8b-chat",
            R"({"architectures": ["MistralForCausalLM"],
                "model_type": "mistral", "bos_token_id": 1, "eos_token_id": 2,
                "hidden_act": "silu", "hidden_size": 2560,
                "intermediate_size": 6912, "max_position_embeddings": 8192,
                "num_attention_heads": 32, "num_hidden_layers": 24,
                "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
                "rope_theta": 10000, "sliding_window": null,
                "tie_word_embeddings": false, "torch_dtype": "bfloat16",
                "vocab_size": 32000})",
            "{% for m in messages %}{% if m['role'] == 'user' %}"
            "{{ '<|prompt|>' + m['content'] + eos_token }}{% else %}"
            "{{ '<|answer|>' + m['content'] + eos_token }}{% endif %}"
            "{% endfor %}{% if add_generation_prompt %}"
            "{{ '<|answer|>' }}{% endif %}",
            "h2o_danube",
            8192,
            2 * sum_of(24, 2560, 32, 8, 80, 6912, 64000),
            2.0 * 24 * 2 * 8 * 80,
            "BF16",
            {{"attention 32x80 over 8, decode", "metal", "unfused",
              kNoKernel80},
             {"attention 32x80 over 8, decode", "metal", "unfused",
              "nothing is padded"},
             {"attention 32x80 over 8, prefill", "metal", "fused", "80"},
             {"attention 32x80 over 8, decode", "cuda", "unfused", kNoKernel80},
             {"attention 32x80 over 8, prefill", "cuda", "fused", "80"},
             {"attention 32x80 over 8, decode", "cpu", "fused", "our kernel"},
             {"matmul 6912x2560, 16 bits", "metal", "fused", "matmul"},
             {"matmul 6912x2560, 16 bits", "cuda", "fused", "matmul"},
             {"matmul 6912x2560, 16 bits", "cpu", "fused", "our kernel"}}},
        Row{"Mixtral-8x7B-v0.1",
            R"({"architectures": ["MixtralForCausalLM"],
                "model_type": "mixtral", "bos_token_id": 1, "eos_token_id": 2,
                "hidden_act": "silu", "hidden_size": 4096,
                "intermediate_size": 14336, "max_position_embeddings": 32768,
                "num_attention_heads": 32, "num_experts_per_tok": 2,
                "num_hidden_layers": 32, "num_key_value_heads": 8,
                "num_local_experts": 8, "output_router_logits": false,
                "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
                "sliding_window": null, "tie_word_embeddings": false,
                "torch_dtype": "bfloat16", "vocab_size": 32000})",
            "",
            "mixtral",
            32768,
            2 * sum_of(32, 4096, 32, 8, 128, 8 * 14336, 64000),
            2.0 * 32 * 2 * 8 * 128,
            "BF16",
            {{"attention 32x128 over 8, decode", "metal", "fused", "128"},
             {"attention 32x128 over 8, decode", "cuda", "fused", "128"},
             {"attention 32x128 over 8, decode", "cpu", "fused", "our"},
             {"256x matmul 4096x14336, 16 bits", "metal", "fused", "matmul"},
             {"512x matmul 14336x4096, 16 bits", "cuda", "fused", "matmul"},
             {"512x matmul 14336x4096, 16 bits", "cpu", "fused", "our"}}}));

TEST(DryRun, HistoryOfMixtralGoesThroughItsFamilysTemplate) {
  const DryModel model("Mixtral-8x7B-v0.1",
                       R"({"model_type": "mixtral", "hidden_size": 64,
      "intermediate_size": 96, "num_attention_heads": 4,
      "num_key_value_heads": 2, "num_hidden_layers": 2,
      "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 300,
      "rms_norm_eps": 1e-5, "hidden_act": "silu"})");
  const json facts = model.facts();
  EXPECT_THAT(facts.at("facts").at("chat_template").get<std::string>(),
              HasSubstr("its family's"));
  EXPECT_THAT(facts.at("notes").get<Notes>(),
              Contains("the model has no chat template, so its family's is "
                       "used"));
}

double weights_of(const json& facts) {
  return facts.at("weights").at("bytes").get<double>();
}

constexpr const char* kDeepSeekLite = R"({"model_type": "deepseek_v2",
  "hidden_size": 2048, "intermediate_size": 10944,
  "moe_intermediate_size": 1408, "n_routed_experts": 64,
  "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
  "kv_lora_rank": 512, "q_lora_rank": null, "qk_nope_head_dim": 128,
  "qk_rope_head_dim": 64, "v_head_dim": 128, "num_attention_heads": 16,
  "num_key_value_heads": 16, "num_hidden_layers": 27, "vocab_size": 102400,
  "max_position_embeddings": 163840, "rms_norm_eps": 1e-6,
  "rope_theta": 10000, "hidden_act": "silu", "tie_word_embeddings": false,
  "topk_method": "greedy", "n_group": 1, "topk_group": 1,
  "norm_topk_prob": false, "routed_scaling_factor": 1.0,
  "scoring_func": "softmax", "rope_scaling": {"beta_fast": 32, "beta_slow": 1,
    "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
    "original_max_position_embeddings": 4096, "type": "yarn"}})";

TEST(DryRun, OfLatentAttentionKeepsWholeKeysAndValues) {
  const json facts = DryModel("DeepSeek-V2-Lite", kDeepSeekLite).facts();
  const json& longest = facts.at("memory").back();
  EXPECT_EQ(longest.at("context"), 163840);
  EXPECT_EQ(longest.at("cache_bytes").at("f32").get<double>(),
            27.0 * 16 * (192 + 128) * 4 * 163840);
  // 15.7 thousand million, most of them in experts.
  EXPECT_NEAR(facts.at("weights").at("parameters").get<double>() / 15.706e9, 1,
              0.01);
  EXPECT_EQ(find_path(facts, "decode", "metal").at("path"), "fused");
}

// Without head_dim, which the published config does not have either.
TEST(DryRun, OfTheLargestPublishedModel) {
  const json facts = DryModel("DeepSeek-V3.1", R"({
      "model_type": "deepseek_v3", "hidden_size": 7168,
      "intermediate_size": 18432, "moe_intermediate_size": 2048,
      "n_routed_experts": 256, "n_shared_experts": 1,
      "num_experts_per_tok": 8, "first_k_dense_replace": 3,
      "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
      "qk_rope_head_dim": 64, "v_head_dim": 128, "n_group": 8,
      "topk_group": 4, "norm_topk_prob": true, "scoring_func": "sigmoid",
      "routed_scaling_factor": 2.5, "topk_method": "noaux_tc",
      "max_position_embeddings": 163840, "num_attention_heads": 128,
      "num_hidden_layers": 61, "num_key_value_heads": 128,
      "vocab_size": 129280, "tie_word_embeddings": false,
      "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000,
      "quantization_config": {"quant_method": "fp8",
        "weight_block_size": [128, 128], "fmt": "e4m3"}})")
                         .facts();
  EXPECT_NEAR(facts.at("weights").at("parameters").get<double>() / 671e9, 1,
              0.01);
  EXPECT_NEAR(weights_of(facts) / 673e9, 1, 0.02);
}

TEST(DryRun, ReadsTheStorageThatConfigsPromise) {
  const json base = json::parse(R"({"model_type": "llama",
      "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 8,
      "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 1000,
      "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
      "tie_word_embeddings": false, "hidden_act": "silu"})");
  const double layers = sum_of(8, 1024, 8, 8, 128, 2816, 0);
  const double tables = 2.0 * 1000 * 1024;
  const struct {
    const char* quantisation;
    double bits;  // of a number in a layer
    double table_bits;
    const char* said;
  } kCases[] = {
      {R"({"bits": 8, "group_size": 32})", 9, 9, "8 bits, groups of 32"},
      {R"({"bits": 4, "group_size": 32, "mode": "mxfp4"})", 4.25, 4.25,
       "mxfp4"},
      {R"({"bits": 8, "group_size": 32, "mode": "mxfp8"})", 8.25, 8.25, "8 bi"},
      {R"({"bits": 4, "group_size": 16, "mode": "nvfp4"})", 4.5, 4.5,
       "groups of 16"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 128})", 4.156, 16,
       "4 bits, groups of 128"},
      {R"({"quant_method": "awq", "bits": 4, "group_size": 128})", 4.156, 16,
       "4 bits, groups of 128"},
      {R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", 8, 16,
       "8 bits, read as F16"},
      {R"({"quant_method": "compressed-tensors", "config_groups": {"group_0":
           {"weights": {"num_bits": 4, "group_size": 128}}}})",
       4.156, 16, "4 bits"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 128,
           "desc_act": true})",
       4.156, 16, "4 bits, read as F16"},
      {R"({"quant_method": "GPTQ", "bits": 8, "group_size": -1})", 8, 16,
       "8 bits, groups of 128"},
      {R"({"w_bit": 4, "q_group_size": 64, "version": "GEMM"})", 4.312, 16,
       "4 bits, groups of 64"},
      {R"({"quant_method": "auto-round", "bits": 4, "group_size": 128,
           "packing_format": "auto_round:auto_gptq"})",
       4.156, 16, "4 bits, groups of 128"},
      {R"({"quant_algo": "FP8", "producer": {"name": "modelopt"}})", 8, 16,
       "8 bits, read as F16"},
      {R"({"quant_algo": "NVFP4", "quant_method": "modelopt", "group_size": 16,
           "exclude_modules": ["lm_head"]})",
       4.5, 16, "5 bits, groups of 16"},
      {R"({"quant_algo": "NVFP4", "exclude_modules": ["*.mlp*", "*attn*"]})",
       16, 16, "BF16"},
      {R"({"quant_method": "compressed-tensors", "format": "float-quantized",
           "config_groups": {"group_0": {"targets": ["Linear"], "weights":
             {"num_bits": 8, "type": "float", "strategy": "channel"}}}})",
       8, 16, "8 bits, read as F16"},
      {R"({"quant_method": "compressed-tensors",
           "format": "nvfp4-pack-quantized", "config_groups": {"group_0":
             {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "float",
              "strategy": "tensor_group", "group_size": 16}}}})",
       4.5, 16, "5 bits, groups of 16"},
      {R"({"quant_method": "compressed-tensors", "ignore": ["re:.*mlp.*"],
           "config_groups": {"group_0": {"weights": {"num_bits": 8}},
                             "group_1": {"targets": ["re:.*self_attn.*"],
             "weights": {"num_bits": 4, "group_size": 128}}}})",
       (4.156 * 4 * 1024 + 16 * 3 * 2816) / (4 * 1024 + 3 * 2816), 16,
       "4 bits, groups of 128"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic":
           {"-:.*self_attn.*": {}, "+:.*\\.down_proj": {"bits": 8}}})",
       (16 * 4 * 1024 + 4.156 * 2 * 2816 + 8.19 * 2816) / (4 * 1024 + 3 * 2816),
       16, "8 bits, groups of 128"},
  };
  for (const auto& each : kCases) {
    SCOPED_TRACE(each.quantisation);
    json config = base;
    config["quantization_config"] = json::parse(each.quantisation);
    const json facts = DryModel("m", config.dump()).facts();
    const double bytes = layers * each.bits / 8 + tables * each.table_bits / 8;
    EXPECT_NEAR(weights_of(facts) / bytes, 1, 0.01);
    EXPECT_THAT(facts.at("facts").at("quantisation").get<std::string>(),
                HasSubstr(each.said));
    EXPECT_FALSE(facts.at("paths").empty());
  }
  json half = base;
  half["torch_dtype"] = "float32";
  EXPECT_NEAR(
      weights_of(DryModel("m", half.dump()).facts()) / (4 * (layers + tables)),
      1, 0.01);
}

TEST(DryRun, OfHybridsCountsTheLayersThatKeepKeys) {
  const json facts = DryModel("granite-4.0-h-tiny", R"({
      "model_type": "granitemoehybrid", "hidden_size": 256,
      "intermediate_size": 64, "shared_intermediate_size": 128,
      "num_local_experts": 4, "num_experts_per_tok": 2,
      "max_position_embeddings": 131072, "num_attention_heads": 4,
      "num_key_value_heads": 2, "num_hidden_layers": 4,
      "layer_types": ["mamba", "attention", "mamba", "mamba"],
      "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2,
      "mamba_n_heads": 8, "mamba_d_head": 64, "mamba_n_groups": 1,
      "rms_norm_eps": 1e-5, "position_embedding_type": "nope",
      "tie_word_embeddings": true, "vocab_size": 1000, "hidden_act": "silu",
      "attention_multiplier": 0.1, "embedding_multiplier": 12,
      "logits_scaling": 6, "residual_multiplier": 0.22})")
                         .facts();
  const json& caches = facts.at("memory").back().at("cache_bytes");
  const double keys = 4.0 * 2 * 2 * 64 * 131072;
  EXPECT_NEAR(caches.at("f32").get<double>() / keys, 1, 0.05);
  const double states = caches.at("f32").get<double>() - keys;
  EXPECT_GT(states, 0);
  // States stay in float32; a scale goes with the 64 numbers of a head.
  EXPECT_NEAR(caches.at("int8").get<double>(),
              keys / 4 * (1 + 4.0 / 64) + states, 1);
}

TEST(DryRun, OfStatesAloneTakesOneSizeForAnyLength) {
  const json facts = DryModel("mamba-tiny", R"({"model_type": "mamba",
      "hidden_size": 64, "intermediate_size": 128, "state_size": 16,
      "num_hidden_layers": 2, "conv_kernel": 4, "time_step_rank": 4,
      "vocab_size": 300, "layer_norm_epsilon": 1e-5, "use_bias": false,
      "use_conv_bias": true, "hidden_act": "silu"})")
                         .facts();
  for (const json& need : facts.at("memory")) {
    const json& caches = need.at("cache_bytes");
    EXPECT_EQ(caches.at("int8"), caches.at("f32"));
    EXPECT_EQ(caches.at("f32"),
              facts.at("memory").front().at("cache_bytes").at("f32"));
  }
  EXPECT_EQ(facts.at("facts").at("context_limit"), "none but the memory");
}

TEST(DryRun, TakesWhatFamiliesTakeForAbsentFields) {
  const json facts = DryModel("gemma-3-4b-it", R"({"model_type": "gemma3",
      "architectures": ["Gemma3ForConditionalGeneration"],
      "text_config": {"model_type": "gemma3_text", "hidden_size": 2560,
        "intermediate_size": 10240, "num_hidden_layers": 34,
        "sliding_window": 1024, "rope_scaling": {"factor": 8.0,
          "rope_type": "linear"}},
      "vision_config": {"hidden_size": 1152, "image_size": 896,
        "intermediate_size": 4304, "model_type": "siglip_vision_model",
        "num_attention_heads": 16, "num_hidden_layers": 27,
        "patch_size": 14, "vision_use_head": false}})")
                         .facts();
  EXPECT_EQ(facts.at("facts").at("context_length"), "131072");
  EXPECT_TRUE(facts.at("vision").at("model").get<bool>());
  EXPECT_NEAR(facts.at("weights").at("parameters").get<double>() / 4.3e9, 1,
              0.02);
  EXPECT_EQ(find_path(facts, "attention 8x256 over 4", "metal").at("path"),
            "fused");
}

TEST(DryRun, OfAnEncoderHasNoCacheAndNoChat) {
  const json facts = DryModel("distilbert", R"({"model_type": "distilbert",
      "dim": 768, "n_heads": 12, "n_layers": 6, "hidden_dim": 3072,
      "activation": "gelu", "vocab_size": 30522,
      "max_position_embeddings": 512})")
                         .facts();
  EXPECT_EQ(facts.at("facts").at("context_length"), "512");
  EXPECT_NEAR(facts.at("weights").at("parameters").get<double>() / 66.4e6, 1,
              0.02);
  EXPECT_FALSE(facts.contains("cache_type"));
  ASSERT_FALSE(facts.at("memory").empty());
  EXPECT_FALSE(facts.at("memory").front().contains("cache_bytes"));
  EXPECT_EQ(find_path(facts, "decode", "metal").at("path"), "none");
  EXPECT_EQ(find_path(facts, "attention 12x64", "metal").at("path"), "fused");
  for (const std::string& note : facts.at("notes").get<Notes>()) {
    EXPECT_THAT(note, testing::Not(HasSubstr("template")));
  }
}

TEST(DryRun, NamesEveryFaultAndWhatIsKnownAllTheSame) {
  const DryModel model("m", R"({"model_type": "qwen3", "hidden_size": 64,
      "intermediate_size": 96, "num_attention_heads": 4,
      "num_key_value_heads": 2, "num_hidden_layers": 2, "head_dim": 16,
      "vocab_size": 300, "rms_norm_eps": 1e-6, "eos_token_id": [7, 9],
      "max_position_embeddings": 4096, "tie_word_embeddings": true})");
  model.write("generation_config.json", "{");
  const json broken = model.facts();
  EXPECT_THAT(broken.at("reason").get<std::string>(), HasSubstr("safetensors"));
  EXPECT_THAT(broken.at("notes").get<Notes>(),
              Contains(HasSubstr("generation_config.json")));
  model.remove("tokenizer.json");
  const json facts = model.facts();
  EXPECT_THAT(facts.at("notes").get<Notes>(), Contains(HasSubstr("tokenizer")));
  EXPECT_EQ(facts.at("facts").at("family"), "qwen3");
  EXPECT_EQ(facts.at("facts").at("context_length"), "4096");
  EXPECT_EQ(facts.at("facts").at("end_tokens"), "7, 9");
  EXPECT_FALSE(facts.at("memory").empty());
}

TEST(DryRun, OfHugeSizesEndsWithAReason) {
  const json facts = DryModel("m", R"({"model_type": "llama",
      "hidden_size": 134217728, "intermediate_size": 134217728,
      "num_attention_heads": 1048576, "num_key_value_heads": 1048576,
      "num_hidden_layers": 134217728, "vocab_size": 134217728,
      "max_position_embeddings": 1099511627776, "rms_norm_eps": 1e-5})")
                         .facts();
  EXPECT_THAT(facts.at("notes").get<Notes>(),
              Contains(HasSubstr("hidden_size is 134217728")));
  EXPECT_FALSE(facts.contains("memory"));
  const json deep = DryModel("m", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 64, "num_attention_heads": 4, "vocab_size": 64,
      "num_hidden_layers": 4194304, "rms_norm_eps": 1e-5})")
                        .facts();
  EXPECT_THAT(deep.at("notes").get<Notes>(),
              Contains(HasSubstr("No model has such sizes")));
  EXPECT_FALSE(deep.contains("memory"));
  EXPECT_FALSE(deep.contains("weights"));
}

}  // namespace
}  // namespace abstractllm::engine
