// Conversions of fixtures, read back and compared with MLX's own functions.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "io/model_files.h"
#include "io/tensor_archive.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "text/tokenizer.h"
#include "unit/io/test_files.h"

namespace abstractllm::convert {
namespace {

namespace fs = std::filesystem;
namespace mx = mlx::core;
using testing::HasSubstr;

fs::path fixture(const std::string& name) {
  return fs::path(ABSTRACTLLM_TEST_DATA) / "fixtures" / name;
}

class Conversions : public testing::Test {
 protected:
  ConversionOptions options(const std::string& model) const {
    return {.model = fixture(model).string(),
            .output = (folder_.path() / "out").string()};
  }
  fs::path out() const { return folder_.path() / "out"; }
  io::WeightSource read() const {
    return io::WeightSource::open(io::ModelFiles::at(out()));
  }

  io::TemporaryFolder folder_;
};

std::vector<float> rows_of(const io::WeightMatrix& matrix) {
  std::vector<float> values(
      static_cast<std::size_t>(matrix.rows() * matrix.columns()));
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    matrix.read_row(
        row, std::span(values).subspan(std::size_t(row * matrix.columns()),
                                       std::size_t(matrix.columns())));
  }
  return values;
}

struct Mode {
  const char* mode;
  int bits;
  int group;
};
void PrintTo(const Mode& mode, std::ostream* stream) {
  *stream << mode.mode << mode.bits;
}

class EachMode : public Conversions,
                 public testing::WithParamInterface<Mode> {};

TEST_P(EachMode, GivesWhatMlxQuantizeGives) {
  const auto [mode, bits, group] = GetParam();
  ConversionOptions wanted = options("text/llama3");
  wanted.mode = mode;
  wanted.bits = bits;
  wanted.group_size = group;
  const ConversionResult result = convert_model(wanted);
  // Groups of 128 fit into the rows of down_proj alone.
  EXPECT_EQ(result.quantised > 10, group < 128);
  EXPECT_GE(result.quantised, 3);
  const std::string module = "model.layers.1.mlp.down_proj";
  const auto original =
      io::WeightSource::open(io::ModelFiles::at(fixture("text/llama3")));
  const io::WeightMatrix base = original.matrix(module);
  const mx::array weight = mx::astype(
      mx::array(rows_of(base).data(), {int(base.rows()), int(base.columns())},
                mx::float32),
      mx::bfloat16);
  const auto parts = mx::quantize(weight, group, bits, mode);
  std::optional<mx::array> biases;
  if (parts.size() > 2) biases = parts[2];
  const mx::array want = mx::contiguous(
      mx::astype(mx::dequantize(parts[0], parts[1], biases, group, bits, mode,
                                std::nullopt, mx::float32),
                 mx::float32));
  mx::eval(want);
  const auto archive = io::TensorArchive::open_folder(out());
  const io::StoredTensor& codes = archive.at(module + ".weight");
  const mx::array plain = mx::contiguous(parts[0]);
  mx::eval(plain);
  ASSERT_EQ(codes.bytes.size(), plain.nbytes());
  EXPECT_EQ(
      std::memcmp(codes.bytes.data(), plain.data<std::byte>(), plain.nbytes()),
      0);
  const std::vector<float> got = rows_of(read().matrix(module));
  const float* expected = want.data<float>();
  for (std::size_t i = 0; i < got.size(); ++i) {
    // MLX multiplies scales of 16 bits in their type.
    ASSERT_NEAR(got[i], expected[i], 0.01f + 0.01f * std::abs(expected[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Modes, EachMode,
    testing::Values(Mode{"affine", 2, 32}, Mode{"affine", 3, 64},
                    Mode{"affine", 4, 64}, Mode{"affine", 5, 32},
                    Mode{"affine", 6, 64}, Mode{"affine", 8, 128},
                    Mode{"mxfp4", 4, 32}, Mode{"mxfp8", 8, 32},
                    Mode{"nvfp4", 4, 16}),
    [](const auto& info) {
      return std::string(info.param.mode) + std::to_string(info.param.bits);
    });

TEST_F(Conversions, WithoutAModeKeepTheNumbers) {
  const ConversionResult result = convert_model(options("text/llama3"));
  EXPECT_EQ(result.quantised, 0);
  const auto before =
      io::WeightSource::open(io::ModelFiles::at(fixture("text/llama3")));
  const auto after = read();
  EXPECT_EQ(after.names(), before.names());
  EXPECT_EQ(rows_of(after.matrix("model.embed_tokens")),
            rows_of(before.matrix("model.embed_tokens")));
  EXPECT_TRUE(fs::exists(out() / "tokenizer.json"));
}

TEST_F(Conversions, OfGgufRebuildConfigAndTokenizer) {
  ConversionOptions wanted = options("gguf/qwen2-q8_0/model.gguf");
  wanted.dtype = "float32";
  convert_model(wanted);
  const auto before = io::WeightSource::open(
      io::ModelFiles::at(fixture("gguf/qwen2-q8_0/model.gguf")));
  const auto after = read();
  const std::string module = "model.layers.0.self_attn.q_proj";
  EXPECT_EQ(rows_of(after.matrix(module)), rows_of(before.matrix(module)));
  EXPECT_EQ(after.config().require_string("model_type"), "qwen2");
  const auto tokenizer = text::Tokenizer::from_file(out() / "tokenizer.json");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("Hello world", false), false),
            "Hello world");
}

TEST_F(Conversions, OfGgufSayLlama3sRopeScaling) {
  convert_model(options("gguf/llama3-f16/model.gguf"));
  const auto original =
      io::WeightSource::open(io::ModelFiles::at(fixture("text/llama3")));
  const auto want = original.config().require_object("rope_scaling");
  const auto got = read().config().require_object("rope_scaling");
  EXPECT_EQ(got.require_string("rope_type"), "llama3");
  for (const char* field : {"factor", "low_freq_factor", "high_freq_factor",
                            "original_max_position_embeddings"}) {
    EXPECT_EQ(got.require_number(field), want.require_number(field)) << field;
  }
  EXPECT_FALSE(read().has_vector("rope_freqs.weight"));
}

TEST_F(Conversions, OfQuantisedModelsWidenThem) {
  ConversionOptions wanted = options("quant/llama3-4bit");
  wanted.dtype = "float32";
  convert_model(wanted);
  const auto before =
      io::WeightSource::open(io::ModelFiles::at(fixture("quant/llama3-4bit")));
  const auto after = read();
  const std::string module = "model.layers.0.mlp.up_proj";
  EXPECT_EQ(after.matrix(module).encoding(), io::WeightEncoding::kDense);
  EXPECT_EQ(rows_of(after.matrix(module)), rows_of(before.matrix(module)));
  EXPECT_FALSE(after.config().has("quantization"));
}

TEST_F(Conversions, AreDividedIntoFilesWithAnIndex) {
  ConversionOptions wanted = options("text/llama3");
  wanted.shard_bytes = 100'000;
  convert_model(wanted);
  std::ifstream stream(out() / "model.safetensors.index.json");
  const auto index = nlohmann::json::parse(stream);
  EXPECT_GT(index.at("weight_map").size(), 10u);
  EXPECT_TRUE(fs::exists(out() / "model-00001-of-00004.safetensors") ||
              fs::exists(out() / "model-00001-of-00003.safetensors"));
  const auto before =
      io::WeightSource::open(io::ModelFiles::at(fixture("text/llama3")));
  EXPECT_EQ(read().names(), before.names());
}

TEST_F(Conversions, LeaveNothingWhenCancelledAndGoOnLater) {
  ConversionOptions wanted = options("text/llama3");
  int calls = 0;
  wanted.on_progress = [&](double) {
    if (++calls == 5) wanted.cancel.cancel();
  };
  EXPECT_THROW(convert_model(wanted), CancelledError);
  EXPECT_FALSE(fs::exists(out()));
  ConversionOptions again = options("text/llama3");
  const ConversionResult result = convert_model(again);
  EXPECT_EQ(result.resumed, 5);
  const auto before =
      io::WeightSource::open(io::ModelFiles::at(fixture("text/llama3")));
  const auto after = read();
  for (const std::string& name : before.names()) {
    const auto& expected = before.tensor(name).bytes;
    const auto& got = after.tensor(name).bytes;
    EXPECT_TRUE(
        std::equal(got.begin(), got.end(), expected.begin(), expected.end()))
        << name;
  }
}

TEST_F(Conversions, WithOtherOptionsBeginAnew) {
  ConversionOptions wanted = options("text/llama3");
  wanted.on_progress = [&](double) { wanted.cancel.cancel(); };
  EXPECT_THROW(convert_model(wanted), CancelledError);
  ConversionOptions again = options("text/llama3");
  again.mode = "affine";
  EXPECT_EQ(convert_model(again).resumed, 0);
}

TEST_F(Conversions, ReplaceAModelOnlyWhenToldTo) {
  convert_model(options("text/llama3"));
  EXPECT_THAT(io::message_of<FileProcessingError>(
                  [&] { convert_model(options("text/llama3")); }),
              HasSubstr("is there already"));
  ConversionOptions forced = options("text/llama3");
  forced.force = true;
  forced.mode = "affine";
  convert_model(forced);
  EXPECT_TRUE(read().config().has("quantization"));
}

TEST_F(Conversions, NeverReplaceAFolderOfSomethingElse) {
  folder_.write("out/letters.txt", "dear");
  ConversionOptions forced = options("text/llama3");
  forced.force = true;
  EXPECT_THAT(
      io::message_of<FileProcessingError>([&] { convert_model(forced); }),
      HasSubstr("holds no model"));
  EXPECT_TRUE(fs::exists(out() / "letters.txt"));
}

}  // namespace
}  // namespace abstractllm::convert
