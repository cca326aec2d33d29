// Weights as others pack them, against values computed by make_format_data.py.
// SPDX-License-Identifier: Apache-2.0
#include "io/packed_checkpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "abstractllm/error.h"
#include "io/block_decoders.h"
#include "io/tensor_archive.h"
#include "safetensors_builder.h"
#include "support/source_folder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::HasSubstr;

std::filesystem::path data(const char* name) {
  return abstractllm::test::source_folder() / "tests" / "data" / "formats" /
         name;
}

struct Case {
  const char* name;
  const char* config;
  WeightEncoding encoding = WeightEncoding::kAffine;
  int bits = 4;
  int group = 32;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

constexpr WeightEncoding kDense = WeightEncoding::kDense;
constexpr WeightEncoding kCodes = WeightEncoding::kAffine;

const Case kCases[] = {
    {"gptq-2", R"({"quant_method":"gptq","bits":2})", kCodes, 2},
    {"gptq-3", R"({"quant_method":"gptq","bits":3})", kCodes, 3},
    {"gptq-4", R"({"quant_method":"gptq","bits":4})"},
    {"gptq-8", R"({"quant_method":"gptq","bits":8})", kCodes, 8},
    {"gptq-v2",
     R"({"quant_method":"gptq","bits":4,"checkpoint_format":"gptq_v2"})"},
    {"gptq-act-order", R"({"quant_method":"gptq","bits":4,"desc_act":true})",
     kDense, 16, 0},
    {"awq", R"({"quant_method":"awq","bits":4,"version":"gemm"})"},
    {"ct-sym", R"({"quant_method":"compressed-tensors"})"},
    {"ct-asym", R"({"quant_method":"compressed-tensors"})"},
    {"ct-int8", R"({"quant_method":"compressed-tensors"})", kCodes, 8, 64},
    {"ct-nvfp4", R"({"quant_method":"compressed-tensors"})", kCodes, 5, 16},
    {"gptq-ragged", R"({"quant_method":"gptq","bits":4,"group_size":32})",
     kCodes, 4, 16},
    {"ct-5", R"({"quant_method":"compressed-tensors","config_groups":{"g":{
         "weights":{"num_bits":5}}}})",
     kCodes, 5},
    {"ct-6", R"({"quant_method":"compressed-tensors"})", kCodes, 6},
    {"ct-odd", R"({"quant_method":"compressed-tensors"})", kDense, 16, 0},
    {"ct-mixed", R"({"quant_method":"compressed-tensors","config_groups":{
         "a":{"weights":{"num_bits":8}},"b":{"weights":{"num_bits":4}}}})",
     kCodes, 8},
    {"ct-int8-asym", R"({"quant_method":"compressed-tensors"})", kCodes, 8, 64},
    {"ct-int8-group", R"({"quant_method":"compressed-tensors"})", kCodes, 8,
     32},
    {"fp8-ct", R"({"quant_method":"compressed-tensors","config_groups":{"g":{
         "weights":{"num_bits":8,"block_structure":[8,16]}}}})",
     kDense, 16, 0},
    {"fp8-block", R"({"quant_method":"fp8","weight_block_size":[8,16]})",
     kDense, 16, 0},
    {"fp8-row", R"({"quant_method":"fp8"})", kDense, 16, 0},
    {"fp8-tensor", R"({"quant_method":"fp8"})", kDense, 16, 0},
};

// The tensors of one case under their names in a checkpoint. Bytes that stand
// for e4m3 are stored as U8, which numpy knows.
class CaseTensors {
 public:
  explicit CaseTensors(const std::string& name)
      : archive_(TensorArchive::open_safetensors(data("packed.safetensors"))) {
    for (const std::string& each : archive_.names()) {
      if (!each.starts_with(name + ".")) continue;
      StoredTensor tensor = *archive_.find(each);
      tensor.name = each.substr(name.size() + 1);
      if (name.starts_with("fp8") && tensor.name == "m.weight") {
        tensor.type = StorageType::kF8E4M3;
      }
      tensors_.emplace(tensor.name, tensor);
    }
  }

  const StoredTensor* find(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }
  TensorLookup lookup() const {
    return [this](const std::string& name) { return find(name); };
  }
  StoredTensor& at(const std::string& name) { return tensors_.at(name); }
  void erase(const std::string& name) { tensors_.erase(name); }
  void add(const StoredTensor& tensor) {
    tensors_.insert_or_assign(tensor.name, tensor);
  }

 private:
  TensorArchive archive_;
  std::map<std::string, StoredTensor> tensors_;
};

QuantizationConfig config_of(const std::string& rule) {
  return QuantizationConfig(JsonConfig::parse(
      R"({"quantization_config":)" + rule + "}", "config.json"));
}

void expect_values(const WeightMatrix& matrix, const StoredTensor& expected) {
  const WeightMatrix want = WeightMatrix::plain(expected);
  ASSERT_EQ(matrix.rows(), want.rows());
  ASSERT_EQ(matrix.columns(), want.columns());
  std::vector<float> got(std::size_t(want.columns()));
  std::vector<float> row(got.size());
  for (std::int64_t i = 0; i < want.rows(); ++i) {
    matrix.read_row(i, got);
    want.read_row(i, row);
    ASSERT_EQ(got, row) << "row " << i;
  }
}

class Packed : public testing::TestWithParam<Case> {};

TEST_P(Packed, GivesTheValuesOfItsDocuments) {
  const CaseTensors tensors(GetParam().name);
  const auto matrix =
      read_packed(config_of(GetParam().config), "m", tensors.lookup());
  ASSERT_TRUE(matrix.has_value());
  EXPECT_EQ(matrix->encoding(), GetParam().encoding);
  EXPECT_EQ(matrix->bits(), GetParam().bits);
  EXPECT_EQ(matrix->group_size(), GetParam().group);
  expect_values(*matrix, *tensors.find("values"));
}

TEST_P(Packed, KeepsCodesThatStandForTheSameValues) {
  const CaseTensors tensors(GetParam().name);
  const auto matrix =
      read_packed(config_of(GetParam().config), "m", tensors.lookup());
  if (matrix->encoding() == kDense) return;
  const auto columns = std::size_t(matrix->columns());
  const std::size_t group = std::size_t(matrix->group_size());
  std::vector<std::uint8_t> codes(columns);
  std::vector<float> scales(columns / group);
  std::vector<float> biases(scales.size());
  std::vector<float> row(columns);
  for (std::int64_t i = 0; i < matrix->rows(); ++i) {
    matrix->read_row_affine(i, codes, scales, biases);
    matrix->read_row(i, row);
    for (std::size_t j = 0; j < columns; ++j) {
      EXPECT_LT(codes[j], 1 << matrix->affine_bits());
      // Scales in float32 leave the last bits to the order of the products.
      EXPECT_NEAR(scales[j / group] * float(codes[j]) + biases[j / group],
                  row[j], 128 * scales[j / group] * 1e-6f);
    }
  }
}

TEST_P(Packed, WithoutOneOfItsTensorsOrWithAnotherShapeIsRefused) {
  const CaseTensors whole(GetParam().name);
  const auto config = config_of(GetParam().config);
  for (const char* part :
       {"m.scales", "m.qzeros", "m.weight_scale", "m.weight_zero_point",
        "m.weight_global_scale", "m.weight_scale_inv", "m.g_idx"}) {
    if (whole.find(part) == nullptr) continue;
    CaseTensors tensors(GetParam().name);
    tensors.at(part).shape.push_back(7);
    EXPECT_THROW(read_packed(config, "m", tensors.lookup()), ModelLoadingError)
        << part;
  }
}

TEST(PackedCheckpoints, SayWhichTypeRoundsTheirRows) {
  const auto read = [](const std::string& name) {
    const CaseTensors tensors(name);
    const Case* found =
        std::find_if(std::begin(kCases), std::end(kCases),
                     [&](const Case& c) { return c.name == name; });
    return *read_packed(config_of(found->config), "m", tensors.lookup());
  };
  EXPECT_EQ(read("fp8-block").stored_type(), StorageType::kF16);
  EXPECT_TRUE(read("fp8-block").is_rounded());
  // Four digits times a power of two.
  EXPECT_EQ(read("fp8-ct").stored_type(), StorageType::kBF16);
  EXPECT_FALSE(read("fp8-ct").is_rounded());
  EXPECT_TRUE(read("gptq-act-order").is_rounded());
  EXPECT_FALSE(read("gptq-4").is_rounded());
}

TEST(PackedCheckpoints, KnowWhatIsOfActivations) {
  for (const char* name :
       {"model.layers.0.self_attn.k_scale", "m.input_scale_ub",
        "m.input_zero_point", "m.k_proj.output_scale"}) {
    EXPECT_TRUE(is_of_activations(name)) << name;
  }
  for (const char* name : {"m.weight_scale", "m.scales", "m.weight"}) {
    EXPECT_FALSE(is_of_activations(name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Packed, testing::ValuesIn(kCases),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PackedCheckpoints, NameWhatIsMissing) {
  CaseTensors tensors("awq");
  tensors.erase("m.qzeros");
  EXPECT_THAT(message_of<ModelLoadingError>([&] {
                read_packed(config_of(R"({"quant_method":"awq"})"), "m",
                            tensors.lookup());
              }),
              HasSubstr("there is no tensor 'm.qzeros'"));
}

TEST(PackedCheckpoints, RefuseGroupsThatAreNotThere) {
  CaseTensors tensors("gptq-4");
  std::vector<std::int32_t> order(64, 0);
  order[63] = 2;
  StoredTensor& tensor = tensors.at("m.g_idx");
  tensor.bytes = std::as_bytes(std::span(order));
  EXPECT_THAT(message_of<ModelLoadingError>([&] {
                read_packed(config_of(kCases[2].config), "m", tensors.lookup());
              }),
              HasSubstr("group 2 of 2"));
}

// Groups of compressed-tensors, as it quantises with "actorder": "group".
class OrderedGroups : public testing::Test {
 protected:
  // The same numbers with the groups in reverse, so that only an order that is
  // heeded gives them back.
  OrderedGroups() {
    const StoredTensor& scales = tensors_.at("m.weight_scale");
    const auto size = storage_traits(scales.type).block_bytes;
    groups_ = scales.shape[1];
    reversed_.resize(scales.bytes.size());
    for (std::int64_t row = 0; row < scales.shape[0]; ++row) {
      for (std::int64_t group = 0; group < groups_; ++group) {
        std::memcpy(
            reversed_.data() + (row * groups_ + groups_ - 1 - group) * size,
            scales.bytes.data() + (row * groups_ + group) * size,
            std::size_t(size));
      }
    }
    columns_ = tensors_.find("values")->shape[1];
    for (std::int64_t i = 0; i < columns_; ++i) {
      order_.push_back(
          static_cast<std::int32_t>(groups_ - 1 - i / (columns_ / groups_)));
    }
  }

  void add_order() {
    StoredTensor order = tensors_.at("m.weight_scale");
    order.name = "m.weight_g_idx";
    order.type = StorageType::kI32;
    order.shape = {columns_};
    order.bytes = std::as_bytes(std::span(order_));
    tensors_.add(order);
  }

  WeightMatrix read() const {
    return *read_packed(config_of(R"({"quant_method":"compressed-tensors"})"),
                        "m", tensors_.lookup());
  }

  CaseTensors tensors_{"ct-sym"};
  std::vector<std::byte> reversed_;
  std::vector<std::int32_t> order_;
  std::int64_t groups_ = 0;
  std::int64_t columns_ = 0;
};

TEST_F(OrderedGroups, GiveEachColumnItsOwnScale) {
  ASSERT_GT(groups_, 1);
  tensors_.at("m.weight_scale").bytes = reversed_;
  add_order();
  EXPECT_EQ(read().encoding(), kDense);
  expect_values(read(), *tensors_.find("values"));
}

TEST_F(OrderedGroups, ThatWereNeverSetAreThoseOfNeighbours) {
  order_.assign(order_.size(), -1);
  add_order();
  EXPECT_EQ(read().encoding(), kCodes);
  expect_values(read(), *tensors_.find("values"));
}

TEST_F(OrderedGroups, MustFitTheColumns) {
  order_[3] = static_cast<std::int32_t>(groups_);
  add_order();
  EXPECT_THROW(read(), ModelLoadingError);
  order_[3] = 0;
  tensors_.at("m.weight_g_idx").shape = {columns_ - 1};
  EXPECT_THROW(read(), ModelLoadingError);
  tensors_.at("m.weight_g_idx").shape = {columns_};
  tensors_.at("m.weight_g_idx").type = StorageType::kF32;
  EXPECT_THROW(read(), ModelLoadingError);
}

// GPTQModel's `dynamic`, whose patterns need not be understood for it.
TEST(PackedCheckpoints, HaveBitsOfTheirOwnWhereTheTensorsSaySo) {
  const CaseTensors tensors("gptq-8");
  const auto matrix = read_packed(config_of(R"({"quant_method":"gptq","bits":4,
                                "dynamic":{"+:(?=m)m":{"bits":8}}})"),
                                  "m", tensors.lookup());
  EXPECT_EQ(matrix->bits(), 8);
  expect_values(*matrix, *tensors.find("values"));
}

// ModelOpt multiplies by what compressed-tensors divides by.
TEST(PackedCheckpoints, OfModelOptAreThoseOfCompressedTensors) {
  CaseTensors tensors("ct-nvfp4");
  const float half = 0.5f;
  const float two = 2.0f;
  const auto scale = [&](const char* name, const float& value) {
    tensors.add({.name = name,
                 .type = StorageType::kF32,
                 .shape = {1},
                 .bytes = std::as_bytes(std::span(&value, 1))});
  };
  scale("m.weight_global_scale", half);
  const auto expected =
      read_packed(config_of(R"({"quant_method":"compressed-tensors"})"), "m",
                  tensors.lookup());
  StoredTensor codes = tensors.at("m.weight_packed");
  codes.name = "m.weight";
  tensors.erase("m.weight_packed");
  tensors.add(codes);
  scale("m.weight_scale_2", two);
  const auto matrix = read_packed(config_of(R"({"quant_algo":"NVFP4"})"), "m",
                                  tensors.lookup());
  ASSERT_TRUE(matrix.has_value());
  EXPECT_EQ(matrix->bits(), 5);
  std::vector<float> row(std::size_t(matrix->columns()));
  std::vector<float> want(row.size());
  for (std::int64_t i = 0; i < matrix->rows(); ++i) {
    matrix->read_row(i, row);
    expected->read_row(i, want);
    EXPECT_EQ(row, want);
  }
}

TEST(PackedCheckpoints, RefuseVersionsByName) {
  EXPECT_THAT(message_of<UnsupportedModelError>([] {
                config_of(R"({"quant_method":"awq","version":"gemv"})");
              }),
              HasSubstr("in version 'gemv'"));
  EXPECT_THAT(
      message_of<UnsupportedModelError>([] {
        config_of(R"({"quant_method":"gptq","checkpoint_format":"marlin"})");
      }),
      HasSubstr("in format 'marlin'"));
}

// Eight rows of 32 columns in two stored rows.
class ThreeValues : public testing::Test {
 protected:
  static int code(std::int64_t row, std::int64_t column) {
    return static_cast<int>((row + 2 * column) % 3);
  }

  ThreeValues() : bytes_(2 * 32) {
    for (std::int64_t row = 0; row < 8; ++row) {
      for (std::int64_t column = 0; column < 32; ++column) {
        bytes_[std::size_t(row % 2 * 32 + column)] |=
            static_cast<std::byte>(code(row, column) << 2 * (row / 2));
      }
    }
    weight_ = {.name = "m.weight",
               .type = StorageType::kU8,
               .shape = {2, 32},
               .bytes = bytes_};
    scale_ = {.name = "m.weight_scale",
              .type = StorageType::kF32,
              .shape = {1},
              .bytes = std::as_bytes(std::span(&number_, 1))};
  }

  WeightMatrix read(const char* rule) const {
    return *read_packed(config_of(rule), "m", [this](const std::string& name) {
      return name == "m.weight"         ? &weight_
             : name == "m.weight_scale" ? &scale_
                                        : nullptr;
    });
  }

  float number_ = 0.25f;
  std::vector<std::byte> bytes_;
  StoredTensor weight_;
  StoredTensor scale_;
};

TEST_F(ThreeValues, AreFourRowsToAByte) {
  const auto matrix =
      read(R"({"quant_method":"bitnet","linear_class":"autobitlinear"})");
  ASSERT_EQ(matrix.rows(), 8);
  EXPECT_EQ(matrix.encoding(), kCodes);
  EXPECT_EQ(matrix.bits(), 2);
  std::vector<float> row(32);
  for (std::int64_t i = 0; i < 8; ++i) {
    matrix.read_row(i, row);
    for (std::int64_t j = 0; j < 32; ++j) {
      EXPECT_EQ(row[std::size_t(j)], 0.25f * float(code(i, j) - 1));
    }
  }
}

TEST_F(ThreeValues, AreDividedByTheScalesOfTheOtherKind) {
  std::vector<float> row(32);
  read(R"({"quant_method":"bitnet"})").read_row(1, row);
  EXPECT_EQ(row[0], 4.0f * float(code(1, 0) - 1));
}

TEST_F(ThreeValues, NeedOneScale) {
  scale_.shape = {2};
  EXPECT_THROW(read(R"({"quant_method":"bitnet"})"), ModelLoadingError);
}

TEST(PackedCheckpoints, RoundProjectionsToThreeValues) {
  std::vector<float> values(2 * 16, 0.1f);
  values[1] = -2.0f;
  values[17] = 0.9f;
  StoredTensor weight{.name = "x",
                      .type = StorageType::kF32,
                      .shape = {2, 16},
                      .bytes = std::as_bytes(std::span(values))};
  const auto config =
      config_of(R"({"quant_method":"bitnet","quantization_mode":"online"})");
  const auto find = [&](const std::string& name) {
    return name.ends_with(".weight") ? &weight : nullptr;
  };
  EXPECT_FALSE(read_packed(config, "lm_head", find).has_value());
  const auto matrix = read_packed(config, "a.q_proj", find);
  ASSERT_TRUE(matrix.has_value());
  const float mean = (30 * 0.1f + 2.9f) / 32;
  std::vector<float> row(16);
  matrix->read_row(0, row);
  EXPECT_EQ(row[0], row[2]);
  EXPECT_NEAR(row[0], mean, 1e-6f);  // 0.1 / 0.184 is nearer to 1 than to 0
  EXPECT_NEAR(row[1], -mean, 1e-6f);
  matrix->read_row(1, row);
  EXPECT_NEAR(row[1], mean, 1e-6f);
}

TEST(MlxModes, OfSmallFloatsGiveMlxValues) {
  const CaseTensors eight("mlx-mxfp8");
  expect_values(read_mxfp8(*eight.find("m.weight"), *eight.find("m.scales")),
                *eight.find("values"));
  const CaseTensors four("mlx-nvfp4");
  const WeightMatrix matrix =
      read_nvfp4(*four.find("m.weight"), *four.find("m.scales"));
  expect_values(matrix, *four.find("values"));
  EXPECT_EQ(matrix.encoding(), WeightEncoding::kAffine);
  const CaseTensors mx("mlx-mxfp4");
  expect_values(WeightMatrix::mxfp4(*mx.find("m.weight"), *mx.find("m.scales")),
                *mx.find("values"));
}

TEST(MlxModes, RefuseScalesOfAnotherShape) {
  CaseTensors tensors("mlx-mxfp8");
  tensors.at("m.scales").shape = {8, 2};
  EXPECT_THROW(read_mxfp8(tensors.at("m.weight"), tensors.at("m.scales")),
               ModelLoadingError);
  EXPECT_THROW(read_nvfp4(tensors.at("m.weight"), tensors.at("m.scales")),
               ModelLoadingError);
}

TEST(GgufBlocks, OfAllTypesGiveTheReferencesValues) {
  const auto archive =
      TensorArchive::open_safetensors(data("gguf_blocks.safetensors"));
  int types = 0;
  for (int i = 0; i <= static_cast<int>(StorageType::kTQ2_0); ++i) {
    const auto type = static_cast<StorageType>(i);
    const std::string name(to_string(type));
    const StoredTensor* blocks = archive.find(name + ".blocks");
    if (blocks == nullptr) continue;
    ++types;
    SCOPED_TRACE(name);
    StoredTensor tensor = *blocks;
    tensor.type = type;
    tensor.shape = {blocks->shape[0],
                    std::int64_t{storage_traits(type).block_elements}};
    expect_values(WeightMatrix::plain(tensor), archive.at(name + ".values"));
  }
  EXPECT_EQ(types, 22);
}

}  // namespace
}  // namespace abstractllm::io
