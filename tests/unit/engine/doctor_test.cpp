// SPDX-License-Identifier: Apache-2.0
#include "engine/doctor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/model_outline.h"
#include "unit/io/test_files.h"

namespace abstractllm::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

MachineFacts machine(double gigabytes = 64) {
  return {.mlx_version = "0.32.4",
          .has_metal = false,
          .has_cuda = false,
          .simd = "AVX2",
          .logical_cores = 8,
          .usable_threads = 4,
          .memory_available = static_cast<std::uint64_t>(gigabytes * 1e9)};
}

struct Tensor {
  std::string name;
  const char* type;
  std::vector<std::int64_t> shape;
  std::int64_t bytes;
};

// A model of the published sizes whose weights are a hole in a file: whoever
// read them would take minutes.
class PublishedModel {
 public:
  explicit PublishedModel(const char* config) {
    folder_.write("config.json", config);
    for (const fs::path& fixture : io::fixtures("text")) {
      if (!fs::exists(fixture / "tokenizer.json")) continue;
      fs::copy_file(fixture / "tokenizer.json",
                    folder_.path() / "tokenizer.json");
      break;
    }
  }

  void add(const std::string& name, std::vector<std::int64_t> shape) {
    std::int64_t bytes = 2;
    for (const std::int64_t size : shape) bytes *= size;
    tensors_.push_back({name + ".weight", "BF16", std::move(shape), bytes});
  }

  void add_quantised(const std::string& module, std::int64_t rows,
                     std::int64_t columns) {
    tensors_.push_back(
        {module + ".weight", "U32", {rows, columns / 8}, rows * columns / 2});
    for (const char* part : {".scales", ".biases"}) {
      tensors_.push_back(
          {module + part, "BF16", {rows, columns / 64}, rows * columns / 32});
    }
  }

  void write_weights() {
    json header = json::object();
    std::int64_t at = 0;
    for (const Tensor& tensor : tensors_) {
      header[tensor.name] = {{"dtype", tensor.type},
                             {"shape", tensor.shape},
                             {"data_offsets", {at, at + tensor.bytes}}};
      at += tensor.bytes;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::uint64_t size = text.size();
    std::string head(8, 0);
    std::memcpy(head.data(), &size, 8);
    const fs::path file = folder_.write("model.safetensors", head + text);
    fs::resize_file(file, 8 + size + static_cast<std::uint64_t>(at));
  }

  Diagnosis diagnose(double gigabytes = 64,
                     const EngineOptions& options = {}) const {
    return engine::diagnose(folder_.path().string(), machine(gigabytes),
                            options);
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  io::TemporaryFolder folder_;
  std::vector<Tensor> tensors_;
};

constexpr const char* kQwen3 = R"({"model_type": "qwen3", "hidden_size": 2560,
  "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
  "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936,
  "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1000000,
  "tie_word_embeddings": true, "hidden_act": "silu",
  "quantization": {"group_size": 64, "bits": 4}})";
constexpr const char* kQwen3Fp8 = R"({"model_type": "qwen3",
  "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32,
  "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 9728,
  "vocab_size": 151936, "max_position_embeddings": 40960,
  "rms_norm_eps": 1e-6, "rope_theta": 1000000, "tie_word_embeddings": true,
  "hidden_act": "silu", "quantization_config": {"quant_method": "fp8",
  "weight_block_size": [128, 128]}})";
constexpr const char* kSqlcoder = R"({"model_type": "llama",
  "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
  "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 32016,
  "max_position_embeddings": 16384, "rms_norm_eps": 1e-5,
  "rope_theta": 1000000, "hidden_act": "silu"})";
constexpr const char* kDanube2 = R"({"model_type": "mistral",
  "hidden_size": 2560, "num_hidden_layers": 24, "num_attention_heads": 32,
  "num_key_value_heads": 8, "intermediate_size": 6912, "vocab_size": 32000,
  "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000,
  "sliding_window": null, "hidden_act": "silu"})";
constexpr const char* kMixtral = R"({"model_type": "mixtral",
  "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
  "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000,
  "num_local_experts": 8, "num_experts_per_tok": 2,
  "max_position_embeddings": 32768, "rms_norm_eps": 1e-5,
  "rope_theta": 1000000, "hidden_act": "silu"})";

// Llama's names with the sizes of danube 2.
void add_danube2(PublishedModel& model, int layers = 24) {
  model.add("model.embed_tokens", {32000, 2560});
  model.add("lm_head", {32000, 2560});
  model.add("model.norm", {2560});
  for (int i = 0; i < layers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    model.add(layer + "self_attn.q_proj", {2560, 2560});
    model.add(layer + "self_attn.k_proj", {640, 2560});
    model.add(layer + "self_attn.v_proj", {640, 2560});
    model.add(layer + "self_attn.o_proj", {2560, 2560});
    model.add(layer + "mlp.gate_proj", {6912, 2560});
    model.add(layer + "mlp.up_proj", {6912, 2560});
    model.add(layer + "mlp.down_proj", {2560, 6912});
    model.add(layer + "input_layernorm", {2560});
    model.add(layer + "post_attention_layernorm", {2560});
  }
}

json path_of(const Diagnosis& diagnosis, const std::string& backend,
             const std::string& what) {
  const json facts = json::parse(diagnosis.json);
  for (const json& path : facts["paths"]) {
    if (path["backend"] == backend &&
        path["what"].get<std::string>().find(what) != std::string::npos) {
      return path;
    }
  }
  return {};
}

// What is known without a weight.
void expect_text(const json& facts) {
  for (const char* fact :
       {"architecture", "context_length", "family", "chat_template",
        "end_tokens", "tool_dialect", "reasoning", "default_parameters"}) {
    EXPECT_TRUE(facts["facts"].contains(fact)) << fact;
  }
}

TEST(Doctor, Danube2RunsThoughMetalHasNoKernelForItsHeads) {
  PublishedModel model(kDanube2);
  add_danube2(model);
  model.write_weights();
  const Diagnosis diagnosis = model.diagnose();
  EXPECT_EQ(diagnosis.reason, "");
  EXPECT_EQ(diagnosis.verdict, Verdict::kRunsWithNotes);
  EXPECT_THAT(diagnosis.notes, Contains(HasSubstr("no chat template")));
  const json path = path_of(diagnosis, "metal", "attention 32x80 over 8, dec");
  EXPECT_EQ(path["path"], "unfused");
  EXPECT_THAT(path["because"].get<std::string>(), HasSubstr("head size 80"));
  EXPECT_EQ(path_of(diagnosis, "cpu", "decode")["path"], "fused");
  EXPECT_FALSE(path_of(diagnosis, "cuda", "matmul 6912x2560").is_null());
  const json facts = json::parse(diagnosis.json);
  EXPECT_EQ(facts["weights"]["parameters"], 1'831'201'280);
  EXPECT_EQ(facts["weights"]["forms"]["BF16"], 1'831'075'840);
  // 2 x 8 heads x 80 x 24 layers x 2048 positions of 2 bytes.
  EXPECT_EQ(facts["memory"][0]["cache_bytes"]["f16"], 125'829'120);
}

TEST(Doctor, AModelThatDoesNotFitSaysTheNumbers) {
  PublishedModel model(kDanube2);
  add_danube2(model);
  model.write_weights();
  const Diagnosis small = model.diagnose(2);
  EXPECT_EQ(small.verdict, Verdict::kDoesNotRun);
  EXPECT_THAT(small.reason,
              AllOf(HasSubstr("2048"), HasSubstr("2.00 GB are available")));
  const Diagnosis middle = model.diagnose(4.2);
  EXPECT_EQ(middle.verdict, Verdict::kRunsWithNotes);
  EXPECT_THAT(middle.notes, Contains(HasSubstr("a context of 8192 needs")));
}

TEST(Doctor, JudgesTheSettingsOfTheRun) {
  PublishedModel model(kDanube2);
  add_danube2(model);
  model.write_weights();
  const auto facts = [&](const EngineOptions& options) {
    return json::parse(model.diagnose(64, options).json);
  };
  const json usual = facts({});
  EXPECT_EQ(usual["cache_type"], "f16");
  const json exact = facts({.cpu_precision = ops::cpu::Precision::kExact});
  EXPECT_EQ(exact["cache_type"], "f32");
  EXPECT_EQ(facts({.cpu_backend = CpuBackend::kReference})["cache_type"],
            "f32");
  constexpr std::int64_t kInt8 = 62'914'560 / 80 * 86;
  const json small =
      facts({.kv_cache_type = ops::cpu::KvType::kInt8, .context_length = 4096});
  EXPECT_EQ(small["cache_type"], "int8");
  ASSERT_EQ(small["memory"].size(), 2u);
  EXPECT_EQ(small["memory"][1]["context"], 4096);
  // A byte a value and three scales of two bytes for the 80 of a head.
  EXPECT_EQ(small["memory"][0]["cache_bytes"]["int8"], kInt8);
  EXPECT_EQ(usual["memory"][0]["needed_bytes"].get<std::int64_t>() -
                small["memory"][0]["needed_bytes"].get<std::int64_t>(),
            125'829'120 - kInt8);
  const Diagnosis too_long = model.diagnose(64, {.context_length = 1 << 20});
  EXPECT_EQ(too_long.verdict, Verdict::kDoesNotRun);
  EXPECT_THAT(too_long.reason,
              AllOf(HasSubstr("1048576"), HasSubstr("expected 1 to")));
}

// Folders with one thing wrong each, and what has to be named.
TEST(Doctor, SaysWhatIsWrongWithABrokenFolder) {
  const fs::path whole =
      fs::path(ABSTRACTLLM_TEST_DATA) / "fixtures" / "text" / "llama3";
  const std::string weights = io::read_file(whole / "model.safetensors");
  const std::string config = io::read_file(whole / "config.json");
  const auto with = [&](const char* key, const json& value) {
    json changed = json::parse(config);
    changed[key] = value;
    return changed.dump();
  };
  struct Fault {
    const char* file;
    std::string content;  // empty: the file is missing
    const char* named;
  };
  const Fault faults[] = {
      {"config.json", "", "config.json"},
      {"config.json", "{", "config.json"},
      {"config.json", "[]", "config.json"},
      {"config.json", "{}", "model_type"},
      {"config.json", with("model_type", 7), "model_type"},
      {"config.json", with("model_type", "lama"), "'llama'"},
      {"config.json", with("hidden_size", 0), "hidden_size"},
      {"config.json", with("hidden_size", -64), "hidden_size"},
      {"config.json", with("hidden_size", "64"), "hidden_size"},
      {"config.json", with("num_attention_heads", 7), "num_attention_heads"},
      {"config.json", with("num_hidden_layers", 99), "model.layers."},
      {"config.json", with("vocab_size", 7), "embed_tokens"},
      {"tokenizer.json", "", "tokenizer"},
      {"tokenizer.json", "{}", "tokenizer"},
      {"model.safetensors", "", "safetensors"},
      {"model.safetensors", "GGUF", "model.safetensors"},
      {"model.safetensors", weights.substr(0, 4), "model.safetensors"},
      {"model.safetensors", weights.substr(0, weights.size() - 1),
       "model.safetensors"},
      {"model.safetensors.index.json",
       R"({"weight_map": {"lm_head.weight": "model-2-of-2.safetensors"}})",
       "model-2-of-2.safetensors"},
  };
  for (const Fault& fault : faults) {
    SCOPED_TRACE(std::string(fault.file) + ": " + fault.named);
    const io::TemporaryFolder folder;
    for (const auto& entry : fs::directory_iterator(whole)) {
      if (!entry.is_regular_file()) continue;
      fs::copy_file(entry.path(), folder.path() / entry.path().filename());
    }
    fs::remove(folder.path() / fault.file);
    if (!fault.content.empty()) folder.write(fault.file, fault.content);
    const Diagnosis diagnosis = diagnose(folder.path().string(), machine());
    EXPECT_EQ(diagnosis.verdict, Verdict::kDoesNotRun);
    EXPECT_THAT(diagnosis.reason, HasSubstr(fault.named));
    EXPECT_EQ(json::parse(diagnosis.json)["reason"], diagnosis.reason);
  }
}

TEST(Doctor, NamesTensorsThatAreMissingAndThoseThatAreTooMany) {
  PublishedModel fewer(kDanube2);
  add_danube2(fewer, 23);
  fewer.write_weights();
  const Diagnosis diagnosis = fewer.diagnose();
  EXPECT_THAT(diagnosis.reason, HasSubstr("model.layers.23."));
  expect_text(json::parse(diagnosis.json));
  PublishedModel more(kDanube2);
  add_danube2(more, 25);
  more.write_weights();
  EXPECT_THAT(more.diagnose().reason,
              AllOf(HasSubstr("does not know"), HasSubstr("model.layers.24.")));
}

TEST(Doctor, Qwen3InFourBits) {
  PublishedModel model(kQwen3);
  model.add_quantised("model.embed_tokens", 151936, 2560);
  model.add("model.norm", {2560});
  for (int i = 0; i < 36; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    model.add_quantised(layer + "self_attn.q_proj", 4096, 2560);
    model.add_quantised(layer + "self_attn.k_proj", 1024, 2560);
    model.add_quantised(layer + "self_attn.v_proj", 1024, 2560);
    model.add_quantised(layer + "self_attn.o_proj", 2560, 4096);
    model.add("model.layers." + std::to_string(i) + ".self_attn.q_norm", {128});
    model.add("model.layers." + std::to_string(i) + ".self_attn.k_norm", {128});
    model.add_quantised(layer + "mlp.gate_proj", 9728, 2560);
    model.add_quantised(layer + "mlp.up_proj", 9728, 2560);
    model.add_quantised(layer + "mlp.down_proj", 2560, 9728);
    model.add(layer + "input_layernorm", {2560});
    model.add(layer + "post_attention_layernorm", {2560});
  }
  model.write_weights();
  const Diagnosis diagnosis = model.diagnose();
  EXPECT_EQ(diagnosis.reason, "");
  const json facts = json::parse(diagnosis.json);
  EXPECT_EQ(facts["weights"]["forms"].size(), 1u);
  EXPECT_EQ(facts["weights"]["forms"]["4 bits, groups of 64"], 4'022'272'000);
  EXPECT_EQ(path_of(diagnosis, "metal", "decode")["path"], "fused");
  EXPECT_THAT(
      path_of(diagnosis, "cuda", "matmul")["because"].get<std::string>(),
      HasSubstr("tensor cores"));
}

TEST(Doctor, SaysMuchOfAConfigWithoutWeights) {
  for (const char* config : {kSqlcoder, kMixtral}) {
    const PublishedModel model(config);
    const Diagnosis diagnosis = model.diagnose();
    EXPECT_EQ(diagnosis.verdict, Verdict::kDoesNotRun);
    EXPECT_THAT(diagnosis.reason, HasSubstr("safetensors"));
    EXPECT_THAT(diagnosis.notes, Contains(HasSubstr("weights are not here")));
    const json facts = json::parse(diagnosis.json);
    EXPECT_TRUE(facts["architecture"]["supported"]);
    EXPECT_FALSE(facts["weights"]["exact"]);
    expect_text(facts);
    const double billions = facts["weights"]["parameters"].get<double>() / 1e9;
    EXPECT_NEAR(billions, config == kSqlcoder ? 6.74 : 46.7, 0.1);
    EXPECT_EQ(path_of(diagnosis, "metal", "decode")["path"], "fused");
  }
}

TEST(Doctor, SaysWithoutATokenizerWhatTheOtherFilesSay) {
  const fs::path fixture =
      fs::path(ABSTRACTLLM_TEST_DATA) / "fixtures/text/qwen3";
  const io::TemporaryFolder folder;
  fs::copy(fixture, folder.path(), fs::copy_options::recursive);
  fs::remove(folder.path() / "tokenizer.json");
  const json whole =
      json::parse(diagnose(fixture.string(), machine()).json)["facts"];
  const Diagnosis diagnosis = diagnose(folder.path().string(), machine());
  EXPECT_THAT(diagnosis.reason, HasSubstr("has no tokenizer.json"));
  const json facts = json::parse(diagnosis.json)["facts"];
  for (const char* name : {"family", "chat_template", "tool_dialect", "tools",
                           "reasoning", "end_tokens", "context_length"}) {
    EXPECT_EQ(facts[name], whole[name]) << name;
  }
}

TEST(Doctor, MultipliesByNoTableThatHasAHeadBesideIt) {
  const Diagnosis diagnosis = PublishedModel(kSqlcoder).diagnose();
  EXPECT_EQ(path_of(diagnosis, "cpu", "matmul 32016x4096")["what"],
            "1x matmul 32016x4096, 16 bits");
}

TEST(Doctor, SaysThatAConfigNamesNoArchitecture) {
  const PublishedModel model(R"({"hidden_size": 64, "n_heads": 4})");
  const Diagnosis diagnosis = model.diagnose();
  EXPECT_EQ(diagnosis.verdict, Verdict::kDoesNotRun);
  EXPECT_THAT(diagnosis.reason,
              AllOf(HasSubstr("config.json"), HasSubstr("no model_type")));
}

TEST(Doctor, NamesAnUnknownArchitectureAndTheNearest) {
  const PublishedModel model(R"({"model_type": "qwen33", "hidden_size": 64})");
  const Diagnosis diagnosis = model.diagnose();
  EXPECT_EQ(diagnosis.verdict, Verdict::kDoesNotRun);
  EXPECT_THAT(diagnosis.reason,
              AllOf(HasSubstr("'qwen33'"), HasSubstr("'qwen3'")));
}

TEST(Doctor, FindsNoFaultInTheFixtures) {
  int seen = 0;
  for (const char* kind : {"text", "quant", "vision", "embed"}) {
    for (const fs::path& folder : io::fixtures(kind)) {
      if (!fs::exists(folder / "config.json")) continue;
      const Diagnosis diagnosis = diagnose(folder.string(), machine());
      EXPECT_TRUE(json::accept(diagnosis.json));
      const auto type = json::parse(diagnosis.json)["architecture"];
      if (!type["supported"].get<bool>()) continue;
      ++seen;
      EXPECT_EQ(diagnosis.reason, "") << folder;
    }
  }
  EXPECT_GT(seen, 0);
}

TEST(Doctor, TheMachineAlone) {
  const Diagnosis diagnosis = diagnose("", machine());
  EXPECT_EQ(diagnosis.verdict, Verdict::kRuns);
  ASSERT_EQ(diagnosis.sections.size(), 1u);
  const json facts = json::parse(diagnosis.json);
  EXPECT_EQ(facts["machine"]["threads"], 4);
  EXPECT_FALSE(facts.contains("model"));
  const MachineFacts here = MachineFacts::of_this_machine();
  EXPECT_GT(here.usable_threads, 0);
  EXPECT_GT(here.memory_available, 0u);
  EXPECT_FALSE(here.mlx_version.empty());
}

// How far sizes may be from what a config promises: biases and the like have
// little weight, and some checkpoints hold what no config says.
double bound_of(const std::string& fixture) {
  static const std::map<std::string, double> beyond{
      {"deepseek_v3-4bit-mlx", 0.06},  // parts narrower than a group, unpacked
      {"gemma3_window", 0.21},         // a copy of the tied head
      {"llava_next", 0.051},           // a layer of the tower that is not used
      {"qwen3_vl_mlx_4bit", 0.93}};    // a tower that is quantised, too
  const auto found = beyond.find(fixture);
  return found == beyond.end() ? 0.05 : found->second;
}

// What a config promises against what its checkpoint has.
TEST(Doctor, ComputesFromAConfigWhatItsWeightsAre) {
  int seen = 0;
  for (const char* kind : {"text", "quant", "vision", "embed"}) {
    for (const fs::path& folder : io::fixtures(kind)) {
      if (!fs::exists(folder / "config.json")) continue;
      SCOPED_TRACE(folder.string());
      json whole = json::parse(diagnose(folder.string(), machine()).json);
      if (!whole["architecture"]["supported"].get<bool>()) continue;
      ++seen;
      const io::TemporaryFolder dry;
      for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() == ".json" &&
            !name.ends_with(".index.json")) {
          fs::copy_file(entry.path(), dry.path() / name);
        }
      }
      const Diagnosis diagnosis = diagnose(dry.path().string(), machine());
      json facts = json::parse(diagnosis.json);
      if (!facts.contains("memory")) {
        ADD_FAILURE() << diagnosis.json;
        continue;
      }
      EXPECT_FALSE(facts["weights"]["exact"]);
      const auto of = [](const json& from, const char* field) {
        return from["weights"][field].get<double>();
      };
      const double bound = bound_of(folder.filename().string());
      EXPECT_NEAR(of(facts, "parameters") / of(whole, "parameters"), 1, bound);
      EXPECT_NEAR(of(facts, "bytes") / of(whole, "bytes"), 1, bound);
      ASSERT_EQ(facts["memory"].size(), whole["memory"].size());
      for (std::size_t i = 0; i < facts["memory"].size(); ++i) {
        EXPECT_EQ(facts["memory"][i]["cache_bytes"],
                  whole["memory"][i]["cache_bytes"]);
      }
    }
  }
  EXPECT_GT(seen, 0);
}

// A config alone is enough to tell what is widened when it is loaded.
TEST(Doctor, ForecastsWhatWeightsTakeOncePacked) {
  const PublishedModel plain(kQwen3Fp8);
  const auto held = [&](const EngineOptions& options) {
    const json facts =
        json::parse(diagnose(plain.path().string(), machine(), options).json);
    const double memory = facts["weights"]["memory_bytes"].get<double>();
    EXPECT_GT(facts["memory"][0]["needed_bytes"].get<double>(), memory);
    return memory / facts["weights"]["parameters"].get<double>();
  };
  EXPECT_NEAR(held({}), 2, 0.01);
  EXPECT_NEAR(held({.cpu_precision = ops::cpu::Precision::kExact}), 4, 0.4);
  EXPECT_NEAR(held({.cpu_backend = CpuBackend::kReference}), 4, 0.01);
}

TEST(ModelOutline, ReadsTheNamesThatFamiliesGive) {
  const auto outline = [](const char* text) {
    return read_outline(io::JsonConfig::parse(text, "config.json"));
  };
  const ModelOutline gpt = outline(
      R"({"n_embd": 64, "n_head": 4, "n_layer": 2, "multi_query": true})");
  EXPECT_EQ(gpt.hidden_size, 64);
  EXPECT_EQ(gpt.attention.kv_heads, 1);
  EXPECT_EQ(gpt.attention.head_dim, 16);
  const ModelOutline latent = outline(
      R"({"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
          "kv_lora_rank": 32, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16,
          "v_head_dim": 16})");
  EXPECT_EQ(latent.attention.head_dim, 24);
  EXPECT_EQ(latent.attention.value_dim, 16);
  const ModelOutline vision =
      outline(R"({"vision_config": {}, "text_config": {"hidden_size": 32}})");
  EXPECT_TRUE(vision.has_vision);
  EXPECT_EQ(vision.hidden_size, 32);
  EXPECT_EQ(outline(R"({"hidden_size": "many"})").hidden_size, 0);
  EXPECT_EQ(outline(R"({"hidden_size": -5})").hidden_size, 0);
}

}  // namespace
}  // namespace abstractllm::engine
