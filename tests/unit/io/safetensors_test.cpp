// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "io/tensor_archive.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string file_of(const std::string& header, const std::string& data) {
  return GgufBuilder::bytes_of<std::uint64_t>(header.size()) + header + data;
}

SafetensorsFile read(const std::string& bytes) {
  return read_safetensors(base::MappedFile::in_memory(
      std::as_bytes(std::span(bytes)), "test.safetensors"));
}

std::string refusal(const std::string& bytes) {
  return message_of<ModelLoadingError>([&] { read(bytes); });
}

std::string entry(const char* name, const char* dtype, const char* shape,
                  const char* offsets) {
  return std::string("\"") + name + "\":{\"dtype\":\"" + dtype +
         "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const auto file =
      read(file_of("{\"__metadata__\":{\"format\":\"pt\"}," +
                       entry("b", "BF16", "[2,1]", "[4,8]") + "," +
                       entry("a", "F32", "[]", "[0,4]") + "," +
                       entry("none", "F32", "[0,7]", "[8,8]") + "}  ",
                   "aaaabbbb"));
  EXPECT_THAT(file.metadata, ElementsAre(testing::Pair("format", "pt")));
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].name, "a");
  EXPECT_TRUE(file.tensors[0].shape.empty());
  EXPECT_EQ(file.tensors[0].element_count(), 1);
  EXPECT_EQ(file.tensors[1].type, StorageType::kBF16);
  EXPECT_THAT(file.tensors[1].shape, ElementsAre(2, 1));
  EXPECT_EQ(static_cast<char>(file.tensors[1].bytes[0]), 'b');
  EXPECT_EQ(file.tensors[2].bytes.size(), 0u);
  EXPECT_THAT(file.tensors[1].describe(),
              "tensor 'b' (BF16 [2, 1]) in test.safetensors");
}

TEST(Safetensors, TakesNullMetadata) {
  EXPECT_TRUE(read(file_of("{\"__metadata__\":null}", "")).metadata.empty());
}

TEST(Safetensors, KnowsEveryTypeOfTheFormat) {
  for (const auto& [name, size] : {std::pair{"F64", 8},
                                   {"F32", 4},
                                   {"F16", 2},
                                   {"BF16", 2},
                                   {"I8", 1},
                                   {"I16", 2},
                                   {"I32", 4},
                                   {"I64", 8},
                                   {"U8", 1},
                                   {"U16", 2},
                                   {"U32", 4},
                                   {"U64", 8},
                                   {"BOOL", 1},
                                   {"F8_E4M3", 1},
                                   {"F8_E5M2", 1},
                                   {"F8_E8M0", 1}}) {
    const auto file =
        read(file_of("{" +
                         entry("t", name, "[1]",
                               ("[0," + std::to_string(size) + "]").c_str()) +
                         "}",
                     std::string(static_cast<std::size_t>(size), 'x')));
    EXPECT_EQ(to_string(file.tensors.at(0).type), name);
  }
}

TEST(Safetensors, RefusesWrongHeaders) {
  EXPECT_THAT(refusal(""), HasSubstr("0 bytes"));
  EXPECT_THAT(refusal("1234567"), HasSubstr("7 bytes"));
  EXPECT_THAT(refusal(GgufBuilder::bytes_of<std::uint64_t>(~0ull)),
              HasSubstr("limit of 100000000"));
  EXPECT_THAT(refusal(GgufBuilder::bytes_of<std::uint64_t>(100) + "{}"),
              HasSubstr("header of 100 bytes in a file of 10 bytes"));
  EXPECT_THAT(refusal(file_of("{", "")), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal(file_of("[]", "")), HasSubstr("expected a JSON object"));
  EXPECT_THAT(refusal(file_of("{} x", "")), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal(file_of("{\"\xff\":1}", "")),
              HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal(file_of("{\"__metadata__\":{\"a\":1}}", "")),
              HasSubstr("__metadata__ 'a': expected a string"));
  EXPECT_THAT(refusal(file_of("{\"__metadata__\":[]}", "")),
              HasSubstr("__metadata__"));
  std::string deep = "{\"a\":";
  deep.append(100'000, '[');
  EXPECT_THAT(refusal(file_of(deep, "")), HasSubstr("deeper than"));
}

TEST(Safetensors, RefusesWrongTensors) {
  const auto one = [](const char* dtype, const char* shape,
                      const char* offsets) {
    return refusal(
        file_of("{" + entry("t", dtype, shape, offsets) + "}", "12345678"));
  };
  EXPECT_THAT(one("F32", "[3]", "[0,8]"),
              AllOf(HasSubstr("'t'"), HasSubstr("F32 [3] takes 12 bytes"),
                    HasSubstr("found 8")));
  EXPECT_THAT(one("F32", "[3]", "[0,12]"), HasSubstr("in 8 bytes of data"));
  EXPECT_THAT(one("F32", "[2]", "[8,0]"), HasSubstr("from 8 to 0"));
  EXPECT_THAT(one("F32", "[-2]", "[0,8]"), HasSubstr("found -2"));
  EXPECT_THAT(one("F32", "[2.0]", "[0,8]"), HasSubstr("found 2.0"));
  EXPECT_THAT(one("F32", "[18446744073709551615]", "[0,8]"),
              HasSubstr("expected a size"));
  EXPECT_THAT(one("F32", "[4294967296,4294967296]", "[0,8]"),
              HasSubstr("larger than any file"));
  EXPECT_THAT(one("F32", "[4611686018427387904]", "[0,8]"),
              HasSubstr("larger than any file"));
  EXPECT_THAT(one("F32", "2", "[0,8]"), HasSubstr("an array as shape"));
  EXPECT_THAT(one("F32", "[2]", "[0]"), HasSubstr("two data_offsets"));
  EXPECT_THAT(one("F32", "[2]", "[0,4,8]"), HasSubstr("3 numbers"));
  EXPECT_THAT(one("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"),
              HasSubstr("17 numbers, more than 16"));
  EXPECT_THAT(one("C64", "[1]", "[0,8]"), HasSubstr("'C64'"));
  EXPECT_THAT(one("F32", "[1]", "[0,4]"), HasSubstr("tensors end at 4"));
  EXPECT_THAT(one("F32", "[1]", "[4,8]"), HasSubstr("belong to no tensor"));
  EXPECT_THAT(refusal(file_of("{\"t\":{}}", "")), HasSubstr("dtype"));
  EXPECT_THAT(refusal(file_of("{\"t\":1}", "")), HasSubstr("an object"));
  EXPECT_THAT(refusal(file_of("{" + entry("a", "F32", "[2]", "[0,8]") + "," +
                                  entry("b", "F32", "[1]", "[4,8]") + "}",
                              "12345678")),
              HasSubstr("overlaps tensor 'a'"));
  EXPECT_THAT(refusal(file_of("{" + entry("a", "F32", "[1]", "[0,4]") + "," +
                                  entry("a", "F32", "[1]", "[4,8]") + "}",
                              "12345678")),
              HasSubstr("'a' is given twice"));
}

class TensorArchiveTest : public testing::Test {
 protected:
  void write_shard(const char* file, const char* tensor) {
    folder_.write(
        file,
        file_of("{" + entry(tensor, "F32", "[1]", "[0,4]") + "}", "1234"));
  }
  void write_index(const std::string& map) {
    folder_.write("model.safetensors.index.json",
                  "{\"metadata\":{},\"weight_map\":" + map + "}");
  }
  std::string refusal() {
    return message_of<ModelLoadingError>(
        [&] { TensorArchive::open_folder(folder_.path()); });
  }

  TemporaryFolder folder_;
};

TEST_F(TensorArchiveTest, ReadsOnlyTheShardsOfTheIndex) {
  write_shard("model-00001-of-00002.safetensors", "a");
  write_shard("model-00002-of-00002.safetensors", "b");
  write_shard("arrays.safetensors", "c");
  write_shard("model.safetensors", "d");
  write_index(R"({"a":"model-00001-of-00002.safetensors",)"
              R"("b":"model-00002-of-00002.safetensors"})");
  const auto archive = TensorArchive::open_folder(folder_.path());
  EXPECT_THAT(archive.names(), ElementsAre("a", "b"));
  EXPECT_EQ(archive.total_bytes(), 8u);
  EXPECT_EQ(archive.find("c"), nullptr);
}

TEST_F(TensorArchiveTest, TakesTheSingleFileOfAKnownName) {
  EXPECT_THAT(refusal(), HasSubstr("model.safetensors"));
  write_shard("arrays.safetensors", "c");
  write_shard("adapters.safetensors", "a");
  EXPECT_THAT(TensorArchive::open_folder(folder_.path()).names(),
              ElementsAre("a"));
  write_shard("model.safetensors", "d");
  EXPECT_THAT(TensorArchive::open_folder(folder_.path()).names(),
              ElementsAre("d"));
}

TEST_F(TensorArchiveTest, TakesTheOnlyVariant) {
  const auto names = [&] {
    return TensorArchive::open_folder(folder_.path()).names();
  };
  write_shard("weights-of-all.safetensors", "a");
  EXPECT_THAT(names(), ElementsAre("a"));
  write_shard("model.fp16.safetensors", "b");
  EXPECT_THAT(names(), ElementsAre("b"));
  write_shard("model.bf16.safetensors", "c");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("model.bf16.safetensors, "
                                         "model.fp16.safetensors, "
                                         "weights-of-all.safetensors"),
                               HasSubstr("no index")));
  folder_.write("model.safetensors.index.fp16.json",
                R"({"weight_map":{"b":"model.fp16.safetensors"}})");
  EXPECT_THAT(names(), ElementsAre("b"));
}

TEST_F(TensorArchiveTest, NamesWeightsThatAreNotRead) {
  folder_.write("pytorch_model.bin", "x");
  EXPECT_THAT(refusal(), HasSubstr("'pytorch_model.bin' is in PyTorch's own"));
}

TEST_F(TensorArchiveTest, RefusesAWrongIndex) {
  write_shard("s1", "a");
  write_shard("s2", "a");
  write_index(R"({"a":"missing.safetensors"})");
  EXPECT_THAT(
      refusal(),
      AllOf(HasSubstr("missing.safetensors, one of 1 files, is missing"),
            HasSubstr("model.safetensors.index.json needs for 'a'")));
  write_index(R"({"b":"s1"})");
  EXPECT_THAT(refusal(), HasSubstr("'b' is said to be in s1"));
  write_index(R"({"a":"../s1"})");
  EXPECT_THAT(refusal(), HasSubstr("beside the index"));
  write_index(R"({"a":7})");
  EXPECT_THAT(refusal(), HasSubstr("beside the index"));
  write_index("[]");
  EXPECT_THAT(refusal(), HasSubstr("weight_map"));
  write_index(R"({"a":"s1","b":"s2"})");
  EXPECT_THAT(refusal(), HasSubstr("is also in"));
}

}  // namespace
}  // namespace abstractllm::io
