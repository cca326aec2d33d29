// Files cut short, with flipped bits and with random bytes: the readers answer
// with an Error or with tensors that can be read, and never crash.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "io/gguf_config.h"
#include "io/json_config.h"
#include "io/safetensors.h"
#include "io/weight_matrix.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

void read_tensors(const std::vector<StoredTensor>& tensors) {
  for (const StoredTensor& tensor : tensors) {
    if (!storage_traits(tensor.type).readable || tensor.bytes.empty()) continue;
    const auto matrix = WeightMatrix::plain(tensor);
    std::vector<float> row(static_cast<std::size_t>(matrix.columns()));
    for (std::int64_t i = 0; i < matrix.rows(); ++i) matrix.read_row(i, row);
  }
}

std::shared_ptr<const base::MappedFile> file_of(std::string_view bytes) {
  return base::MappedFile::in_memory(std::as_bytes(std::span(bytes)), "file");
}

void use_gguf(std::string_view bytes) {
  const GgufFile gguf = GgufFile::read(file_of(bytes));
  read_tensors(gguf.tensors());
  for (const std::string_view key : gguf.metadata_keys()) {
    try {
      if (gguf.find_strings(key)) continue;
    } catch (const ModelLoadingError&) {
      // Most keys are of another type.
    }
  }
  config_from_gguf(gguf);
}

void use_safetensors(std::string_view bytes) {
  read_tensors(read_safetensors(file_of(bytes)).tensors);
}

void use_json(std::string_view bytes) {
  const auto config = JsonConfig::parse(bytes, "file");
  for (const std::string& key : config.keys()) {
    config.has(key);
    config.find_json(key);
  }
  config.find_numbers("numbers");
}

struct Format {
  const char* name;
  std::string file;
  void (*use)(std::string_view);
};

std::string small_gguf() {
  return GgufBuilder()
      .put("general.architecture", "llama")
      .put("llama.embedding_length", 32u)
      .put("llama.block_count", 1u)
      .put("llama.feed_forward_length", 32u)
      .put("llama.attention.head_count", 2u)
      .put("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .put("tokenizer.ggml.tokens", std::vector<std::string>{"a", "bc", ""})
      .tensor("token_embd.weight", 2, {2, 32}, std::string(36, '\x35'))
      .tensor("output_norm.weight", 0, {8}, std::string(32, '\x35'))
      .build();
}

std::string small_safetensors() {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})";
  return GgufBuilder::bytes_of<std::uint64_t>(header.size()) + header +
         std::string(32, '\x35');
}

const Format kFormats[] = {
    {"Gguf", small_gguf(), use_gguf},
    {"Safetensors", small_safetensors(), use_safetensors},
    {"Json", R"({"numbers":[1,2.5,-3e2,NaN],"a":{"b":[{}]},"c":"\u00e9\n"})",
     use_json},
};

class DamagedFileTest : public testing::TestWithParam<Format> {};

/// Whether the file was taken as whole.
bool survives(const Format& format, std::string_view bytes) {
  try {
    format.use(bytes);
    return true;
  } catch (const Error& error) {
    EXPECT_FALSE(std::string_view(error.what()).empty());
    return false;
  }
}

TEST_P(DamagedFileTest, IsReadWhenItIsWhole) {
  EXPECT_NO_THROW(GetParam().use(GetParam().file));
}

TEST_P(DamagedFileTest, IsRefusedAtEveryShorterLength) {
  const Format& format = GetParam();
  for (std::size_t length = 0; length < format.file.size(); ++length) {
    EXPECT_FALSE(survives(format, format.file.substr(0, length))) << length;
  }
}

TEST_P(DamagedFileTest, DoesNotCrashWithAFlippedBit) {
  const Format& format = GetParam();
  int taken = 0;
  for (std::size_t at = 0; at < format.file.size() * 8; ++at) {
    std::string damaged = format.file;
    damaged[at / 8] = static_cast<char>(damaged[at / 8] ^ (1 << (at % 8)));
    taken += survives(format, damaged);
  }
  // A flipped bit in the data itself is no error.
  EXPECT_GT(taken, 0);
}

TEST_P(DamagedFileTest, DoesNotCrashWithRandomChanges) {
  const Format& format = GetParam();
  std::mt19937 random(2024);
  const std::string interesting[] = {
      GgufBuilder::bytes_of<std::uint64_t>(~0ull),
      GgufBuilder::bytes_of<std::uint64_t>(1ull << 63),
      GgufBuilder::bytes_of<std::uint32_t>(0xffffffffu),
      std::string(9, '9'),
      "\"",
      "[",
      "{",
  };
  for (int round = 0; round < 4'000; ++round) {
    std::string damaged = format.file;
    for (unsigned change = 0; change < 1 + random() % 4; ++change) {
      const std::size_t at = random() % damaged.size();
      const std::string& piece = interesting[random() % 7];
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged.replace(at, piece.size(), piece);
          break;
        case 2:
          damaged.insert(at, piece);
          break;
        default:
          damaged.erase(at, 1 + random() % 9);
      }
      if (damaged.empty()) damaged = "x";
    }
    survives(format, damaged);
  }
}

TEST_P(DamagedFileTest, RefusesRandomBytes) {
  const Format& format = GetParam();
  std::mt19937 random(99);
  for (int round = 0; round < 1'000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    // With the right opening the readers get further.
    const std::size_t kept = random() % 40;
    bytes.replace(0, kept, format.file.substr(0, kept));
    EXPECT_FALSE(survives(format, bytes)) << round;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryFormat, DamagedFileTest,
                         testing::ValuesIn(kFormats),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace abstractllm::io
