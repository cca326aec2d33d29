// Writes tensors of random numbers under the names that Llama and its kin have.
// SPDX-License-Identifier: Apache-2.0
#include "golden/wide_model.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "ops/cpu/half.h"

namespace abstractllm::golden {
namespace {

constexpr int kWidth = 1024;
constexpr int kKeys = 512;
constexpr int kVocabulary = 512;
constexpr int kGroup = 64;
constexpr int kExperts = 4;
constexpr int kExpertWidth = 512;
constexpr const char* kConfig = R"(
  "hidden_size": 1024, "num_hidden_layers": 2,
  "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 128,
  "hidden_act": "silu", "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
  "rope_theta": 10000.0, "tie_word_embeddings": true, "vocab_size": 512,
  "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16")";

class Tensors {
 public:
  explicit Tensors(bool quantised) : quantised_(quantised) {}

  // Values of about `deviation`.
  void matrix(const std::string& name, int rows, int columns, float deviation) {
    if (!quantised_) return dense_matrix(name, rows, columns, deviation);
    // Codes are even from 0 to 15, 4.6 off their middle.
    const float unit = std::exp2(std::floor(std::log2(deviation / 6.4f)));
    std::vector<std::uint32_t> codes;
    std::vector<std::uint16_t> scales;
    std::vector<std::uint16_t> biases;
    for (int i = 0; i < rows * columns / 8; ++i) codes.push_back(random_());
    for (int i = 0; i < rows * columns / kGroup; ++i) {
      const float scale = unit * (1.0f + static_cast<float>(random_() % 4) / 4);
      scales.push_back(ops::cpu::float_to_bf16(scale));
      biases.push_back(ops::cpu::float_to_bf16(-7.5f * scale));
    }
    add(name + ".weight", "U32", rows, columns / 8, codes);
    add(name + ".scales", "BF16", rows, columns / kGroup, scales);
    add(name + ".biases", "BF16", rows, columns / kGroup, biases);
  }

  void dense_matrix(const std::string& name, int rows, int columns,
                    float deviation) {
    std::vector<std::uint16_t> values;
    for (int i = 0; i < rows * columns; ++i) {
      values.push_back(ops::cpu::float_to_bf16(deviation * about_one()));
    }
    add(name + ".weight", "BF16", rows, columns, values);
  }

  void ones(const std::string& name) {
    const std::vector<std::uint16_t> values(kWidth, 0x3f80);
    add(name + ".weight", "BF16", kWidth, 0, values);
  }

  void write(const std::filesystem::path& file) const {
    const std::string header = "{" + header_ + "}";
    const std::uint64_t length = header.size();
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), sizeof(length));
    out << header << data_;
  }

 private:
  // Twelve even numbers make a normal one, the same with any library.
  float about_one() {
    float sum = -6.0f;
    for (int i = 0; i < 12; ++i) {
      sum += static_cast<float>(random_()) * 0x1p-32f;
    }
    return sum;
  }

  // `columns` 0: a vector.
  template <typename T>
  void add(const std::string& name, const std::string& type, int rows,
           int columns, const std::vector<T>& values) {
    const std::size_t begin = data_.size();
    data_.append(reinterpret_cast<const char*>(values.data()),
                 values.size() * sizeof(T));
    const std::string shape =
        std::to_string(rows) +
        (columns == 0 ? "" : ", " + std::to_string(columns));
    header_ += (header_.empty() ? "" : ", ") + ("\"" + name) +
               "\": {\"dtype\": \"" + type + "\", \"shape\": [" + shape +
               "], \"data_offsets\": [" + std::to_string(begin) + ", " +
               std::to_string(data_.size()) + "]}";
  }

  bool quantised_;
  std::mt19937 random_{20};
  std::string header_;
  std::string data_;
};

constexpr float kEven = 0.03125f;  // keeps the size of what comes in

void add_experts(const std::string& layer, Tensors& tensors) {
  const std::string block = layer + "block_sparse_moe.";
  tensors.dense_matrix(block + "gate", kExperts, kWidth, 2 * kEven);
  for (int i = 0; i < kExperts; ++i) {
    const std::string expert = block + "experts." + std::to_string(i) + ".";
    tensors.matrix(expert + "w1", kExpertWidth, kWidth, kEven);
    tensors.matrix(expert + "w2", kWidth, kExpertWidth, kEven);
    tensors.matrix(expert + "w3", kExpertWidth, kWidth, kEven);
  }
}

std::string own_config(WideKind kind) {
  switch (kind) {
    case WideKind::kDense:
      return R"("architectures": ["LlamaForCausalLM"], "model_type": "llama",
  "intermediate_size": 1024,)";
    case WideKind::kWindowed:
      return R"("architectures": ["MistralForCausalLM"],
  "model_type": "mistral", "intermediate_size": 1024, "sliding_window": 24,)";
    case WideKind::kMixture:
      return R"("architectures": ["MixtralForCausalLM"],
  "model_type": "mixtral", "intermediate_size": 512, "sliding_window": null,
  "num_local_experts": 4, "num_experts_per_tok": 2,)";
  }
  return "";
}

}  // namespace

void write_wide_model(const std::filesystem::path& folder, WideKind kind,
                      bool quantised) {
  Tensors tensors(quantised);
  tensors.matrix("model.embed_tokens", kVocabulary, kWidth, 0.06f);
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    tensors.ones(layer + "input_layernorm");
    tensors.ones(layer + "post_attention_layernorm");
    // Scores of a few units, so that attention is not even.
    tensors.matrix(layer + "self_attn.q_proj", kWidth, kWidth, 2 * kEven);
    tensors.matrix(layer + "self_attn.k_proj", kKeys, kWidth, kEven);
    tensors.matrix(layer + "self_attn.v_proj", kKeys, kWidth, kEven);
    tensors.matrix(layer + "self_attn.o_proj", kWidth, kWidth, kEven);
    if (kind == WideKind::kMixture) {
      add_experts(layer, tensors);
      continue;
    }
    tensors.matrix(layer + "mlp.gate_proj", kWidth, kWidth, kEven);
    tensors.matrix(layer + "mlp.up_proj", kWidth, kWidth, kEven);
    tensors.matrix(layer + "mlp.down_proj", kWidth, kWidth, kEven);
  }
  tensors.ones("model.norm");
  tensors.write(folder / "model.safetensors");
  std::ofstream(folder / "config.json")
      << "{" << own_config(kind) << kConfig
      << (quantised ? R"(, "quantization": {"group_size": 64, "bits": 4})" : "")
      << "}";
}

}  // namespace abstractllm::golden
