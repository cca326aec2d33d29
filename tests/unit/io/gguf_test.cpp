// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "unit/io/gguf_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

GgufFile read(const std::string& bytes) {
  return GgufFile::read(base::MappedFile::in_memory(
      std::as_bytes(std::span(bytes)), "test.gguf"));
}

std::string refusal(const GgufBuilder& builder) {
  const std::string bytes = builder.build();
  return message_of<ModelLoadingError>([&] { read(bytes); });
}

TEST(Gguf, ReadsEveryKindOfMetadata) {
  GgufBuilder builder;
  builder.put("name", "value").put("flag", true).put("eps", 1e-5f);
  builder.put("tokens", std::vector<std::string>{"a", "", "bc"});
  builder.raw("u8", 0, GgufBuilder::bytes_of<std::uint8_t>(200));
  builder.raw("i8", 1, GgufBuilder::bytes_of<std::int8_t>(-3));
  builder.raw("u16", 2, GgufBuilder::bytes_of<std::uint16_t>(60'000));
  builder.raw("i16", 3, GgufBuilder::bytes_of<std::int16_t>(-30'000));
  builder.put("u32", 4'000'000'000u);
  builder.raw("i32", 5, GgufBuilder::bytes_of<std::int32_t>(-7));
  builder.raw("u64", 10, GgufBuilder::bytes_of<std::uint64_t>(1ull << 40));
  builder.raw("i64", 11, GgufBuilder::bytes_of<std::int64_t>(-(1ll << 40)));
  builder.raw("f64", 12, GgufBuilder::bytes_of<double>(0.25));
  builder.put_array<float>("scores", 6, {1.5f, -2.0f});
  builder.put_array<std::int32_t>("types", 5, {1, -2, 3});
  builder.put_array<std::uint8_t>("flags", 7, {1, 0});
  const GgufFile gguf = read(builder.build());

  EXPECT_EQ(gguf.version(), 3u);
  EXPECT_EQ(gguf.metadata_keys().size(), 16u);
  EXPECT_EQ(gguf.find_string("name"), "value");
  EXPECT_EQ(gguf.find_bool("flag"), true);
  EXPECT_EQ(gguf.find_float("eps"), static_cast<double>(1e-5f));
  EXPECT_THAT(*gguf.find_strings("tokens"), ElementsAre("a", "", "bc"));
  EXPECT_EQ(gguf.find_int("u8"), 200);
  EXPECT_EQ(gguf.find_int("i8"), -3);
  EXPECT_EQ(gguf.find_int("u16"), 60'000);
  EXPECT_EQ(gguf.find_int("i16"), -30'000);
  EXPECT_EQ(gguf.find_int("u32"), 4'000'000'000);
  EXPECT_EQ(gguf.find_int("i32"), -7);
  EXPECT_EQ(gguf.find_int("u64"), 1ll << 40);
  EXPECT_EQ(gguf.find_int("i64"), -(1ll << 40));
  EXPECT_EQ(gguf.find_float("f64"), 0.25);
  EXPECT_EQ(gguf.find_float("i32"), -7.0);
  EXPECT_THAT(*gguf.find_floats("scores"), ElementsAre(1.5f, -2.0f));
  EXPECT_THAT(*gguf.find_floats("types"), ElementsAre(1.0f, -2.0f, 3.0f));
  EXPECT_THAT(*gguf.find_ints("types"), ElementsAre(1, -2, 3));
  EXPECT_THAT(*gguf.find_ints("flags"), ElementsAre(1, 0));
  EXPECT_THAT(*gguf.find_ints("u8"), ElementsAre(200));
  EXPECT_FALSE(gguf.find_string("absent").has_value());
  EXPECT_FALSE(gguf.find_floats("absent").has_value());
}

TEST(Gguf, NamesKeyAndTypeOfAWrongLookUp) {
  const GgufFile gguf =
      read(GgufBuilder()
               .put("name", "value")
               .put("eps", 1.0f)
               .put("tokens", std::vector<std::string>{"a"})
               .raw("big", 10, GgufBuilder::bytes_of<std::uint64_t>(~0ull))
               .build());
  const auto expect = [](const std::string& message, const char* key,
                         const char* expected, const char* found) {
    EXPECT_THAT(message, AllOf(HasSubstr(key), HasSubstr(expected),
                               HasSubstr(found), HasSubstr("test.gguf")));
  };
  using E = ModelLoadingError;
  expect(message_of<E>([&] { gguf.find_int("name"); }), "'name'", "an integer",
         "string");
  expect(message_of<E>([&] { gguf.find_int("eps"); }), "'eps'", "an integer",
         "float32");
  expect(message_of<E>([&] { gguf.find_string("tokens"); }), "'tokens'",
         "a string", "array of string");
  expect(message_of<E>([&] { gguf.find_bool("eps"); }), "'eps'", "a boolean",
         "float32");
  expect(message_of<E>([&] { gguf.find_float("name"); }), "'name'", "a number",
         "string");
  expect(message_of<E>([&] { gguf.find_strings("name"); }), "'name'",
         "an array of strings", "string");
  expect(message_of<E>([&] { gguf.find_ints("tokens"); }), "'tokens'",
         "an array of integers", "array of string");
  expect(message_of<E>([&] { gguf.find_floats("eps"); }), "'eps'",
         "an array of numbers", "float32");
  expect(message_of<E>([&] { gguf.find_int("big"); }), "'big'", "2^63",
         "uint64");
}

TEST(Gguf, PlacesTensorsByShapeAndAlignment) {
  for (const std::uint32_t alignment : {1u, 32u, 256u}) {
    GgufBuilder builder;
    builder.alignment(alignment);
    builder.tensor("a", 0, {2, 3}, std::string(24, 'a'));
    builder.tensor("b", 2, {1, 64}, std::string(36, 'b'));
    const GgufFile gguf = read(builder.build());
    ASSERT_EQ(gguf.tensors().size(), 2u);
    const StoredTensor& a = gguf.tensors()[0];
    EXPECT_EQ(a.type, StorageType::kF32);
    EXPECT_THAT(a.shape, ElementsAre(2, 3));
    EXPECT_EQ(a.bytes.size(), 24u);
    EXPECT_EQ(static_cast<char>(a.bytes.front()), 'a');
    const StoredTensor& b = gguf.tensors()[1];
    EXPECT_EQ(b.type, StorageType::kQ4_0);
    EXPECT_EQ(static_cast<char>(b.bytes.front()), 'b');
    EXPECT_EQ(static_cast<char>(b.bytes.back()), 'b');
  }
}

TEST(Gguf, ReadsVersionTwoAndFilesWithoutTensors) {
  EXPECT_EQ(read(GgufBuilder().version(2).build()).version(), 2u);
  std::string bytes = GgufBuilder().put("k", 1u).build();
  bytes.resize(24 + 8 + 1 + 4 + 4);  // no padding at the end
  EXPECT_EQ(read(bytes).find_int("k"), 1);
}

TEST(Gguf, RefusesOtherVersionsAndByteOrders) {
  EXPECT_THAT(refusal(GgufBuilder().version(1)), HasSubstr("version 1"));
  EXPECT_THAT(refusal(GgufBuilder().version(4)), HasSubstr("version 4"));
  EXPECT_THAT(refusal(GgufBuilder().version(0x03000000)),
              HasSubstr("big endian"));
  const std::string text = "This is not a model.";
  EXPECT_THAT(message_of<ModelLoadingError>([&] { read(text); }),
              HasSubstr("not a GGUF file"));
  EXPECT_THAT(message_of<ModelLoadingError>([&] { read(""); }),
              HasSubstr("0 bytes"));
}

TEST(Gguf, RefusesWrongMetadata) {
  EXPECT_THAT(refusal(GgufBuilder().put("k", 1u).put("k", 2u)),
              HasSubstr("'k' is given twice"));
  EXPECT_THAT(refusal(GgufBuilder().raw("k", 13, "12345678")),
              HasSubstr("unknown value type 13"));
  EXPECT_THAT(
      refusal(GgufBuilder().raw("k", 9,
                                GgufBuilder::bytes_of<std::uint32_t>(9) +
                                    GgufBuilder::bytes_of<std::uint64_t>(1))),
      HasSubstr("arrays of arrays"));
  for (const std::uint32_t type : {0u, 8u, 12u}) {
    EXPECT_THAT(refusal(GgufBuilder().raw(
                    "k", 9,
                    GgufBuilder::bytes_of(type) +
                        GgufBuilder::bytes_of<std::uint64_t>(1ull << 61))),
                HasSubstr("k"))
        << type;
  }
  EXPECT_THAT(refusal(GgufBuilder().raw(
                  "k", 8, GgufBuilder::bytes_of<std::uint64_t>(~0ull))),
              HasSubstr("the file ends"));
  EXPECT_THAT(refusal(GgufBuilder().put(std::string(70'000, 'k'), 1u)),
              HasSubstr("limit of 65535"));
  for (const std::uint32_t alignment : {0u, 3u, 1u << 30}) {
    EXPECT_THAT(refusal(GgufBuilder().put("general.alignment", alignment)),
                HasSubstr("general.alignment"));
  }
}

TEST(Gguf, RefusesWrongTensors) {
  const std::string data(64, 'x');
  const auto one = [&](std::uint32_t type, std::vector<std::uint64_t> shape,
                       std::uint64_t offset = 0) {
    return refusal(GgufBuilder().tensor_at("t", type, shape, offset, data));
  };
  EXPECT_THAT(one(0, {17}), AllOf(HasSubstr("'t'"), HasSubstr("68 bytes"),
                                  HasSubstr("64 bytes of data")));
  EXPECT_THAT(one(0, {16}, 32), HasSubstr("from 32"));
  EXPECT_THAT(one(0, {1}, 16), HasSubstr("not a multiple of 32"));
  EXPECT_THAT(one(0, {1}, ~0ull - 31), HasSubstr("'t'"));
  EXPECT_THAT(one(2, {33}), HasSubstr("do not fill Q4_0 blocks of 32"));
  EXPECT_THAT(one(5, {32}), HasSubstr("type 5 is not read"));
  EXPECT_THAT(one(40, {64}), HasSubstr("type 40 (NVFP4) is not read"));
  EXPECT_THAT(one(0, {1, 1, 1, 1, 1}), HasSubstr("5 dimensions"));
  EXPECT_THAT(one(0, {1ull << 63}), HasSubstr("dimension of"));
  EXPECT_THAT(one(0, {1ull << 32, 1ull << 32}),
              HasSubstr("larger than any file"));
  EXPECT_THAT(one(0, {1ull << 62}), HasSubstr("larger than any file"));
  EXPECT_THAT(
      refusal(
          GgufBuilder().tensor("t", 0, {4}, data).tensor("t", 0, {4}, data)),
      HasSubstr("'t' is given twice"));
  EXPECT_THAT(refusal(GgufBuilder()
                          .tensor("t", 0, {16}, data)
                          .tensor_at("u", 0, {4}, 32, data)),
              HasSubstr("overlaps"));
  EXPECT_THAT(
      refusal(GgufBuilder().tensor(std::string(2'000, 't'), 0, {1}, data)),
      HasSubstr("limit of 1024"));
}

TEST(Gguf, KnowsTypesThatItOnlyNames) {
  const GgufFile gguf =
      read(GgufBuilder().tensor("t", 16, {256}, std::string(66, 'x')).build());
  EXPECT_EQ(to_string(gguf.tensors()[0].type), "IQ2_XXS");
}

class SplitGgufTest : public testing::Test {
 protected:
  std::filesystem::path write_part(std::uint16_t number, std::uint16_t count,
                                   const char* tensor,
                                   std::int32_t tensors = 2) {
    GgufBuilder builder;
    if (number == 0) builder.put("general.architecture", "llama");
    builder.raw("split.no", 2, GgufBuilder::bytes_of(number));
    builder.raw("split.count", 2, GgufBuilder::bytes_of(count));
    builder.raw("split.tensors.count", 5, GgufBuilder::bytes_of(tensors));
    builder.tensor(tensor, 0, {2}, "12345678");
    return folder_.write(
        "m-0000" + std::to_string(number + 1) + "-of-00002" + ".gguf",
        builder.build());
  }

  TemporaryFolder folder_;
};

TEST_F(SplitGgufTest, JoinsPartsFromAnyOfThem) {
  const auto first = write_part(0, 2, "a");
  const auto second = write_part(1, 2, "b");
  for (const auto& path : {first, second}) {
    const GgufFile gguf = GgufFile::open(path);
    ASSERT_EQ(gguf.tensors().size(), 2u);
    EXPECT_EQ(gguf.tensors()[1].name, "b");
    EXPECT_EQ(gguf.tensors()[1].file->path(), second);
    EXPECT_EQ(gguf.find_string("general.architecture"), "llama");
    EXPECT_EQ(gguf.path(), first);
  }
}

TEST_F(SplitGgufTest, RefusesPartsThatDoNotBelongTogether) {
  const auto open = [&] {
    return message_of<ModelLoadingError>(
        [&] { GgufFile::open(folder_.path() / "m-00001-of-00002.gguf"); });
  };
  write_part(0, 2, "a");
  EXPECT_THAT(open(), HasSubstr("m-00002-of-00002.gguf"));
  write_part(1, 2, "a");
  EXPECT_THAT(open(), HasSubstr("in another part"));
  write_part(1, 3, "b");
  EXPECT_THAT(open(), HasSubstr("expected part 2 of 2, found part 2 of 3"));
  write_part(0, 2, "a", 5);
  write_part(1, 2, "b");
  EXPECT_THAT(open(), HasSubstr("expected 5 tensors in 2 parts, found 2"));
}

TEST_F(SplitGgufTest, RefusesAPartUnderAnotherName) {
  const auto part = write_part(0, 2, "a");
  const auto renamed = folder_.path() / "model.gguf";
  std::filesystem::rename(part, renamed);
  EXPECT_THAT(message_of<ModelLoadingError>([&] { GgufFile::open(renamed); }),
              HasSubstr("-00001-of-00002.gguf"));
}

TEST(Gguf, NamesAFileThatIsNotThere) {
  EXPECT_THAT(message_of<ModelLoadingError>(
                  [] { GgufFile::open("/nonexistent/m.gguf"); }),
              HasSubstr("/nonexistent/m.gguf"));
}

}  // namespace
}  // namespace abstractllm::io
