// Conversions of fixtures, read back and compared with MLX's own functions.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "abstractllm/error.h"
#include "io/model_files.h"
#include "io/tensor_archive.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "support/source_folder.h"
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

// As Qwen3-Embedding is stored; mlx-lm looks for all of it below "model.".
TEST_F(Conversions, PutEmbeddingModelsWhereMlxLooks) {
  const io::TemporaryFolder model;
  for (const auto& entry : fs::directory_iterator(fixture("text/llama3"))) {
    if (entry.is_regular_file()) {
      fs::copy_file(entry.path(), model.path() / entry.path().filename());
    }
  }
  const fs::path weights = model.path() / "model.safetensors";
  std::string text = io::read_file(weights);
  const std::size_t size = 8 + std::size_t(std::uint8_t(text[0])) +
                           256 * std::size_t(std::uint8_t(text[1])) +
                           65536 * std::size_t(std::uint8_t(text[2]));
  for (std::size_t at = text.find("\"model."); at < size;
       at = text.find("\"model.", at + 1)) {
    // Names keep their place; blanks before one are nothing to JSON.
    text.replace(at, 7, "      \"");
  }
  model.write("model.safetensors", text);
  model.write("quantize_config.json", R"({"bits": 4, "group_size": 64})");
  ConversionOptions wanted = options("text/llama3");
  wanted.model = model.path().string();
  wanted.mode = "affine";
  convert_model(wanted);
  const auto names = read().names();
  EXPECT_TRUE(std::any_of(names.begin(), names.end(), [](const auto& name) {
    return name == "model.layers.0.mlp.up_proj.scales";
  }));
  for (const std::string& name : names) {
    EXPECT_TRUE(name.starts_with("model.") || name.starts_with("lm_head."))
        << name;
  }
  // It speaks of weights that are no longer so.
  EXPECT_FALSE(fs::exists(out() / "quantize_config.json"));
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

TEST_F(Conversions, AreRefusedWhereTheyWouldReplaceWhatTheyRead) {
  convert_model(options("text/llama3"));
  ConversionOptions own{.model = out().string(), .output = out().string()};
  own.force = true;
  EXPECT_THAT(
      io::message_of<InvalidParameterError>([&] { convert_model(own); }),
      HasSubstr("is the folder of the model itself"));
  ConversionOptions empty = options("text/llama3");
  empty.shard_bytes = 0;
  EXPECT_THROW(convert_model(empty), InvalidParameterError);
}

TEST_F(Conversions, DoNotWriteToOneFolderTogether) {
  ConversionOptions first = options("text/llama3");
  std::string message;
  first.on_progress = [&](double) {
    if (!message.empty()) return;
    ConversionOptions second = options("text/llama3");
    second.mode = "affine";
    message =
        io::message_of<FileProcessingError>([&] { convert_model(second); });
  };
  EXPECT_GT(convert_model(first).tensors, 0);
  EXPECT_THAT(message, HasSubstr("another conversion is writing"));
  convert_model(
      {.model = out().string(), .output = (folder_.path() / "later").string()});
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names, (std::set<std::string>{"later", "out"}));
}

TEST_F(Conversions, OfQuantisedLayersOfAConvolutionWidenThem) {
  const fs::path model = abstractllm::test::source_folder() / "tests" / "data" /
                         "fixtures" / "text" / "lfm2_moe";
  ConversionOptions codes{.model = model.string(),
                          .output = (folder_.path() / "codes").string(),
                          .mode = "mxfp8"};
  convert_model(codes);
  convert_model({.model = codes.output, .output = out().string()});
  const auto source =
      io::WeightSource::open(io::ModelFiles::at(fs::path(codes.output)));
  int layers = 0;
  for (const std::string& name : read().names()) {
    if (!name.ends_with(".conv.in_proj.weight")) continue;
    const std::string module = name.substr(0, name.rfind('.'));
    EXPECT_EQ(rows_of(read().matrix(module)), rows_of(source.matrix(module)));
    ++layers;
  }
  EXPECT_GT(layers, 0);
}

// Stops a conversion after some of its modules are on the disk.
void stop_early(ConversionOptions options) {
  int calls = 0;
  options.cancel = CancelToken();  // copies share theirs
  options.on_progress = [&](double) {
    if (++calls == 5) options.cancel.cancel();
  };
  EXPECT_THROW(convert_model(options), CancelledError);
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

TEST_F(Conversions, WithOtherOptionsBeginAnew) {
  const ConversionOptions whole = options("text/llama3");
  ConversionOptions sharded = options("text/llama3");
  sharded.shard_bytes = 100'000;
  for (const auto& [first, second] :
       {std::pair(whole, sharded), std::pair(sharded, whole)}) {
    stop_early(first);
    ASSERT_TRUE(fs::exists(folder_.path() / ".out.partial"));
    EXPECT_EQ(convert_model(second).resumed, 0);
    const std::set<std::string> names = names_in(out());
    fs::remove_all(out());
    convert_model(second);
    EXPECT_EQ(names, names_in(out()));
    EXPECT_EQ(names_in(folder_.path()), std::set<std::string>{"out"});
    fs::remove_all(out());
  }
}

TEST_F(Conversions, TakeNoStrayFilesAlongWhenTheyGoOn) {
  stop_early(options("text/llama3"));
  folder_.write(".out.partial/stale.json", "{}");
  folder_.write(".out.partial/sub/model.safetensors", "x");
  EXPECT_EQ(convert_model(options("text/llama3")).resumed, 5);
  EXPECT_FALSE(fs::exists(out() / "stale.json"));
  EXPECT_FALSE(fs::exists(out() / "sub"));
}

// A copy of a fixture, to be changed.
void copy_model(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.is_regular_file()) {
      fs::copy_file(entry.path(), to / entry.path().filename());
    }
  }
}

TEST_F(Conversions, BeginAnewWhereAFileTheyReadWasRewritten) {
  const fs::path model = folder_.path() / "model";
  const fs::path adapter = folder_.path() / "adapter";
  copy_model(fixture("text/llama3"), model);
  copy_model(fixture("lora/llama3-lora-mlx"), adapter);
  ConversionOptions wanted{.model = model.string(),
                           .output = out().string(),
                           .adapter = adapter.string()};
  const auto rewrite = [](const fs::path& file, const std::string& content) {
    const auto before = fs::last_write_time(file);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    fs::last_write_time(file, before + std::chrono::seconds(2));
  };
  for (const fs::path& file :
       {model / "model.safetensors", adapter / "adapters.safetensors"}) {
    stop_early(wanted);
    rewrite(file, io::read_file(file));
    EXPECT_EQ(convert_model(wanted).resumed, 0) << file;
    fs::remove_all(out());
  }
  stop_early(wanted);
  auto config = nlohmann::json::parse(io::read_file(model / "config.json"));
  config["rope_theta"] = 12345;
  rewrite(model / "config.json", config.dump());
  EXPECT_EQ(convert_model(wanted).resumed, 0);
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

TEST_F(Conversions, MayGoIntoAFolderThatIsEmpty) {
  fs::create_directories(out());
  convert_model(options("text/llama3"));
  EXPECT_TRUE(fs::exists(out() / "model.safetensors"));
}

TEST_F(Conversions, NeverReplaceWhatIsNotOfAModel) {
  convert_model(options("text/llama3"));
  ConversionOptions forced = options("text/llama3");
  forced.force = true;
  for (const char* foreign : {"thesis.odt", "photos/a.json", "model.gguf"}) {
    const fs::path file = folder_.write(fs::path("out") / foreign, "dear");
    EXPECT_THAT(
        io::message_of<FileProcessingError>([&] { convert_model(forced); }),
        HasSubstr("holds more than a model"))
        << foreign;
    EXPECT_TRUE(fs::exists(file));
    fs::remove_all(out() / *fs::path(foreign).begin());
  }
  convert_model(forced);
}

// What the source has beside its weights is written anew with it.
TEST_F(Conversions, ReplaceTheirOwnResultWithAllOfItsFiles) {
  const fs::path model = folder_.path() / "model";
  copy_model(fixture("text/llama3"), model);
  folder_.write("model/figure.svg", "<svg/>");
  ConversionOptions wanted{.model = model.string(), .output = out().string()};
  convert_model(wanted);
  ASSERT_TRUE(fs::exists(out() / "figure.svg"));
  wanted.force = true;
  convert_model(wanted);
  EXPECT_TRUE(fs::exists(out() / "figure.svg"));
}

TEST_F(Conversions, KeepTheFoldersThatBelongToTheModel) {
  const fs::path model = folder_.path() / "model";
  copy_model(fixture("text/llama3"), model);
  folder_.write("model/modules.json", R"([{"path": ""}, {"path": "1_Pooling"},
    {"path": "2_Dense/"}, {"path": "../other"}, {"path": 3}, {}])");
  folder_.write("model/1_Pooling/config.json", "{}");
  folder_.write("model/2_Dense/config.json", "{}");
  folder_.write("model/2_Dense/model.safetensors", "weights");
  folder_.write("model/2_Dense/pytorch_model.bin", "weights");
  folder_.write("model/additional_chat_templates/tool_use.jinja", "x");
  folder_.write("model/onnx/model.json", "{}");
  folder_.write("other/secret.json", "{}");
  ConversionOptions wanted{.model = model.string(), .output = out().string()};
  convert_model(wanted);
  for (const char* file :
       {"1_Pooling/config.json", "2_Dense/config.json",
        "2_Dense/model.safetensors", "additional_chat_templates/tool_use.jinja",
        "modules.json"}) {
    EXPECT_EQ(io::read_file(out() / file), io::read_file(model / file)) << file;
  }
  EXPECT_FALSE(fs::exists(out() / "onnx"));
  EXPECT_FALSE(fs::exists(out() / "2_Dense/pytorch_model.bin"));
  wanted.force = true;
  convert_model(wanted);
}

TEST_F(Conversions, SayTheTypeWhereTheConfigSaysIt) {
  const std::string config =
      io::read_file(fixture("text/llama3") / "config.json");
  for (const std::vector<std::string>& fields :
       {std::vector<std::string>{"dtype"},
        {"torch_dtype"},
        {"dtype", "torch_dtype"},
        {}}) {
    const fs::path model = folder_.path() / "model";
    copy_model(fixture("text/llama3"), model);
    auto changed = nlohmann::json::parse(config);
    changed.erase("dtype");
    changed.erase("torch_dtype");
    for (const std::string& field : fields) changed[field] = "bfloat16";
    folder_.write("model/config.json", changed.dump());
    convert_model({.model = model.string(),
                   .output = out().string(),
                   .dtype = "float32"});
    const auto written =
        nlohmann::json::parse(io::read_file(out() / "config.json"));
    std::vector<std::string> said;
    for (const char* field : {"dtype", "torch_dtype"}) {
      if (!written.contains(field)) continue;
      said.emplace_back(field);
      EXPECT_EQ(written[field], "float32");
    }
    EXPECT_EQ(said, fields.empty() ? std::vector<std::string>{"torch_dtype"}
                                   : fields);
    fs::remove_all(out());
    fs::remove_all(model);
  }
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
