// Images of every kind against Pillow's pixels; limits; damaged files.
// SPDX-License-Identifier: Apache-2.0
#include "io/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "support/source_folder.h"
#include "test_files.h"

namespace abstractllm::io {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::filesystem::path kFolder =
    abstractllm::test::source_folder() / "tests/data/images";

const json& images() {
  static const json index =
      json::parse(read_file(kFolder / "images.json")).at("images");
  return index;
}

std::string file(std::string_view name) {
  const std::string bytes = read_file(kFolder / name);
  EXPECT_FALSE(bytes.empty()) << name;
  return bytes;
}

void patch(std::string& bytes, std::size_t at, std::string_view with) {
  bytes.replace(at, with.size(), with);
}

TEST(Image, EveryKindGivesThePixelsOfPillow) {
  const std::string pixels = file("pixels.bin");
  ASSERT_GT(images().size(), 50U);
  for (const json& item : images()) {
    SCOPED_TRACE(item.at("file").get<std::string>());
    const auto image =
        EncodedImage::open(kFolder / item.at("file").get<std::string>());
    EXPECT_EQ(image.width(), item.at("width"));
    EXPECT_EQ(image.height(), item.at("height"));
    const RgbImage rgb = read_pixels(image);
    const auto at = item.at("at").get<std::size_t>();
    ASSERT_LE(at + rgb.pixels.size(), pixels.size());
    int worst = 0;
    for (std::size_t i = 0; i < rgb.pixels.size(); ++i) {
      worst = std::max(
          worst, std::abs(int{rgb.pixels[i]} -
                          int{static_cast<unsigned char>(pixels[at + i])}));
    }
    EXPECT_LE(worst, item.at("tolerance").get<int>());
  }
}

TEST(Image, TheFormatIsFoundFromTheContent) {
  const TemporaryFolder folder;
  const auto path = folder.write("picture.png", file("baseline444.jpg"));
  EXPECT_EQ(EncodedImage::open(path).format(), ImageFormat::kJpeg);
  EXPECT_EQ(EncodedImage::from_bytes(file("plain.gif")).format(),
            ImageFormat::kGif);
  EXPECT_EQ(EncodedImage::from_bytes(file("bits8.bmp")).format(),
            ImageFormat::kBmp);
  EXPECT_EQ(EncodedImage::from_bytes(file("lossy.webp")).format(),
            ImageFormat::kWebp);
  EXPECT_EQ(EncodedImage::from_bytes(file("rgb8.png")).format(),
            ImageFormat::kPng);
}

TEST(Image, WhatIsNoImageIsToldByItsFirstBytes) {
  EXPECT_THAT(message_of<ImageProcessingError>(
                  [] { EncodedImage::from_bytes("%PDF-1.7 and so on"); }),
              HasSubstr("18 bytes that begin with 25 50 44 46 2d 31 2e 37"));
  EXPECT_THAT(
      message_of<ImageProcessingError>([] { EncodedImage::from_bytes(""); }),
      HasSubstr("empty"));
  EXPECT_THROW(EncodedImage::open("/no/such/image.png"), FileProcessingError);
}

TEST(Image, ADataUrlIsRead) {
  const std::string bytes = file("rgb8.png");
  const std::string url = "data:image/png;base64," + base::base64_encode(bytes);
  const RgbImage expected = read_pixels(EncodedImage::from_bytes(bytes));
  EXPECT_EQ(read_pixels(EncodedImage::from_data_url(url)), expected);

  std::string folded = url;
  folded.insert(60, "\r\n");
  while (folded.ends_with('=')) folded.pop_back();
  EXPECT_EQ(read_pixels(EncodedImage::from_data_url(folded)), expected);

  EXPECT_EQ(read_pixels(EncodedImage::from_part(ImagePart{.url = url})),
            expected);
  EXPECT_EQ(read_pixels(EncodedImage::from_part(ImagePart{.bytes = bytes})),
            expected);
  for (const char* bad : {"data:image/png,abc", "data:;base64", "image/png",
                          "data:image/png;base64,!!!!"}) {
    EXPECT_THROW(EncodedImage::from_data_url(bad), ImageProcessingError) << bad;
  }
}

TEST(Image, AnAddressIsNotFetched) {
  EXPECT_THROW(
      EncodedImage::from_part(ImagePart{.url = "https://example.org/a.png"}),
      UnsupportedFeatureError);
}

TEST(Image, LimitsAreToldWithTheirNumbers) {
  const std::string bytes = file("rgb8.png");
  EXPECT_THAT(message_of<ResourceExceededError>([&] {
                EncodedImage::from_bytes(bytes, {.file_bytes = 100});
              }),
              testing::AllOf(HasSubstr(std::to_string(bytes.size())),
                             HasSubstr("100")));
  EXPECT_THAT(
      message_of<ResourceExceededError>(
          [&] { EncodedImage::from_bytes(bytes, {.pixels = 550}); }),
      testing::AllOf(HasSubstr("551 pixels (29x19)"), HasSubstr("550")));
  EXPECT_THAT(message_of<ResourceExceededError>(
                  [&] { EncodedImage::from_bytes(bytes, {.side = 28}); }),
              HasSubstr("29 pixels along one side, the limit is 28"));
  EXPECT_THAT(message_of<ResourceExceededError>([&] {
                EncodedImage::from_bytes(bytes, {.memory_bytes = 1000});
              }),
              HasSubstr("limit is 1000"));
  EXPECT_THROW(EncodedImage::from_data_url(
                   "data:image/png;base64," + base::base64_encode(bytes),
                   {.file_bytes = 100}),
               ResourceExceededError);
}

// A header that says more than any image has is refused before anything of
// that size is allocated.
TEST(Image, LyingHeadersAreRefused) {
  std::string png = file("rgb8.png");
  // Width and height, and the checksum that goes with them.
  patch(png, 16, {"\x00\x01\x86\xA0\x00\x01\x86\xA0", 8});
  EXPECT_THROW(EncodedImage::from_bytes(png), Error);

  std::string jpeg = file("baseline444.jpg");
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  patch(jpeg, frame + 5, {"\xFF\x00\xFF\x00", 4});
  EXPECT_THROW(EncodedImage::from_bytes(jpeg), ResourceExceededError);

  std::string gif = file("plain.gif");
  patch(gif, 6, "\xFF\xFF\xFF\xFF");
  EXPECT_THROW(EncodedImage::from_bytes(gif), ResourceExceededError);

  std::string bmp = file("bits24.bmp");
  patch(bmp, 18, {"\x00\x10\x00\x00\x00\x10\x00\x00", 8});
  EXPECT_THAT(
      message_of<ImageProcessingError>([&] { EncodedImage::from_bytes(bmp); }),
      HasSubstr("4096x4096"));

  std::string runs = file("runs8.bmp");
  patch(runs, 18, {"\xFF\xFF\x7F\x00\xFF\xFF\x7F\x00", 8});
  EXPECT_THROW(EncodedImage::from_bytes(runs), ResourceExceededError);
}

// The pixels of a file that was cut off never come out as if it were whole.
TEST(Image, FilesThatEndEarlyAreRefused) {
  for (const json& item : images()) {
    const auto name = item.at("file").get<std::string>();
    SCOPED_TRACE(name);
    const std::string whole = file(name);
    const RgbImage expected = read_pixels(EncodedImage::from_bytes(whole));
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 40);
    for (std::size_t length = 0; length < whole.size(); length += step) {
      try {
        const RgbImage image = read_pixels(EncodedImage::from_bytes(
            std::string_view(whole).substr(0, length)));
        // What follows the pixels may be missing, an orientation among it.
        EXPECT_EQ(image.pixels.size(), expected.pixels.size());
        EXPECT_GT(length, whole.size() / 2);
      } catch (const ImageProcessingError&) {
      }
    }
  }
}

TEST(Image, DamagedFilesAreRefusedOrRead) {
  unsigned state = 1;
  const auto next = [&state] {
    state = state * 1664525U + 1013904223U;
    return state >> 8;
  };
  for (const json& item : images()) {
    const std::string whole = file(item.at("file").get<std::string>());
    for (int i = 0; i < 60; ++i) {
      std::string damaged = whole;
      for (unsigned k = 0; k < 1 + next() % 4; ++k) {
        damaged[next() % damaged.size()] = static_cast<char>(next());
      }
      try {
        const auto image = EncodedImage::from_bytes(
            damaged, {.pixels = 1 << 20, .memory_bytes = 1 << 26});
        EXPECT_EQ(read_pixels(image).pixels.size(),
                  3U * static_cast<unsigned>(image.width()) *
                      static_cast<unsigned>(image.height()));
      } catch (const Error&) {
      }
    }
  }
}

TEST(Image, PixelsOfAnotherSizeAreNoSource) {
  EXPECT_THROW(PixelSource({.width = 2, .height = 2, .pixels = {1, 2, 3}}),
               ImageProcessingError);
  EXPECT_THROW(PixelSource({.width = 0, .height = 0}), ImageProcessingError);
  const RgbImage image{.width = 1, .height = 2, .pixels = {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(read_pixels(PixelSource(image)), image);
}

TEST(Image, ASinkThatThrowsEndsTheReading) {
  for (const json& item : images()) {
    const auto image =
        EncodedImage::open(kFolder / item.at("file").get<std::string>());
    int rows = 0;
    EXPECT_THROW(image.read_rows([&](auto) {
      if (++rows == 1) throw CancelledError("enough");
    }),
                 CancelledError);
    EXPECT_EQ(rows, 1);
  }
}

}  // namespace
}  // namespace abstractllm::io
