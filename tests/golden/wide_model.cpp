// Writes tensors of random numbers under the names that Llama has.
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
constexpr const char* kConfig = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama",
  "hidden_size": 1024, "intermediate_size": 1024, "num_hidden_layers": 2,
  "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 128,
  "hidden_act": "silu", "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
  "rope_theta": 10000.0, "tie_word_embeddings": true, "vocab_size": 512,
  "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16")";

class Tensors {
 public:
  explicit Tensors(bool quantised) : quantised_(quantised) {}

  // Values of about `deviation`.
  void matrix(const std::string& name, int rows, int columns, float deviation) {
    if (!quantised_) {
      std::vector<std::uint16_t> values;
      for (int i = 0; i < rows * columns; ++i) {
        values.push_back(ops::cpu::float_to_bf16(deviation * about_one()));
      }
      return add(name + ".weight", "BF16", rows, columns, values);
    }
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

}  // namespace

void write_wide_model(const std::filesystem::path& folder, bool quantised) {
  Tensors tensors(quantised);
  tensors.matrix("model.embed_tokens", kVocabulary, kWidth, 0.06f);
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    constexpr float kEven = 0.03125f;  // keeps the size of what comes in
    tensors.ones(layer + "input_layernorm");
    tensors.ones(layer + "post_attention_layernorm");
    // Scores of a few units, so that attention is not even.
    tensors.matrix(layer + "self_attn.q_proj", kWidth, kWidth, 2 * kEven);
    tensors.matrix(layer + "self_attn.k_proj", kKeys, kWidth, kEven);
    tensors.matrix(layer + "self_attn.v_proj", kKeys, kWidth, kEven);
    tensors.matrix(layer + "self_attn.o_proj", kWidth, kWidth, kEven);
    tensors.matrix(layer + "mlp.gate_proj", kWidth, kWidth, kEven);
    tensors.matrix(layer + "mlp.up_proj", kWidth, kWidth, kEven);
    tensors.matrix(layer + "mlp.down_proj", kWidth, kWidth, kEven);
  }
  tensors.ones("model.norm");
  tensors.write(folder / "model.safetensors");
  std::ofstream(folder / "config.json")
      << kConfig
      << (quantised ? R"(, "quantization": {"group_size": 64, "bits": 4})" : "")
      << "}";
}

}  // namespace abstractllm::golden
