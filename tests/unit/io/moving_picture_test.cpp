// Frames of GIFs, of folders and of data: URLs.
// SPDX-License-Identifier: Apache-2.0
#include "io/moving_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "io/png_writer.h"
#include "support/source_folder.h"
#include "support/temporary_folder.h"

namespace abstractllm::io {
namespace {

using testing::ElementsAre;

std::filesystem::path videos() {
  return abstractllm::test::source_folder() / "tests/data/videos";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string hex_of(const RgbImage& image) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : image.pixels) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// A PNG of one colour.
std::string flat(int width, int height, std::uint8_t level) {
  RgbImage image{.width = width, .height = height};
  image.pixels.assign(static_cast<std::size_t>(3 * width * height), level);
  return encode_png(image);
}

// The first level of each frame.
std::vector<int> levels(const MovingPicture& video, std::vector<int> indices) {
  std::vector<int> found;
  video.read(indices, [&](const ImageSource& frame) {
    found.push_back(read_pixels(frame).pixels.front());
  });
  return found;
}

TEST(MovingPicture, FramesOfAGifAreThoseThatPillowSees) {
  const auto reference =
      nlohmann::json::parse(std::ifstream(videos() / "moving.json"));
  const ImagePart part{.path = (videos() / "moving.gif").string(),
                       .media_type = "video/gif"};
  const auto video = MovingPicture::open(part);
  const auto frames = reference.at("frames").get<std::vector<std::string>>();
  ASSERT_EQ(video->frames(), static_cast<int>(frames.size()));
  EXPECT_EQ(video->width(), reference.at("width"));
  EXPECT_EQ(video->height(), reference.at("height"));
  EXPECT_FALSE(video->is_chosen());
  EXPECT_NEAR(
      *video->rate(),
      1000.0 * video->frames() / reference.at("milliseconds").get<int>(), 1e-9);
  std::vector<int> all(frames.size());
  std::iota(all.begin(), all.end(), 0);
  std::size_t i = 0;
  video->read(all, [&](const ImageSource& frame) {
    EXPECT_EQ(hex_of(read_pixels(frame)), frames[i]) << "frame " << i;
    ++i;
  });
  EXPECT_EQ(i, frames.size());
  // Some alone, and one twice.
  std::vector<std::string> some;
  video->read(std::vector{1, 4, 4}, [&](const ImageSource& frame) {
    some.push_back(hex_of(read_pixels(frame)));
  });
  EXPECT_THAT(some, ElementsAre(frames[1], frames[4], frames[4]));
}

TEST(MovingPicture, WhatAFrameClearsIsTransparent) {
  // Two pixels of one colour, cleared; then one of another on the left.
  constexpr unsigned char kGif[] = {
      'G', 'I', 'F',  '8',  '9',  'a',  2, 0, 1,  0,    0x80, 0, 0,    10,   20,
      30,  40,  50,   60,   0x21, 0xF9, 4, 8, 10, 0,    0,    0, ',',  0,    0,
      0,   0,   2,    0,    1,    0,    0, 2, 2,  0x04, 0x0A, 0, 0x21, 0xF9, 4,
      0,   10,  0,    0,    0,    ',',  0, 0, 0,  0,    1,    0, 1,    0,    0,
      2,   2,   0x4C, 0x01, 0,    ';'};
  const auto video = MovingPicture::open(
      {.bytes = std::string(std::begin(kGif), std::end(kGif)),
       .media_type = "video/gif"});
  std::vector<std::string> seen;
  video->read(std::vector{0, 1}, [&](const ImageSource& frame) {
    seen.push_back(hex_of(read_pixels(frame)));
  });
  EXPECT_THAT(seen, ElementsAre("0a141e0a141e", "28323cffffff"));
}

TEST(MovingPicture, LaterFramesAreWithinTheLimitsToo) {
  std::string gif = read_file(abstractllm::test::source_folder() /
                              "fuzz/corpus/video_gif/cleared.gif");
  const std::size_t second = gif.rfind(',');
  ASSERT_NE(second, std::string::npos);
  gif.replace(second + 5, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THROW(MovingPicture::open({.bytes = gif, .media_type = "video/gif"}),
               ResourceExceededError);
}

TEST(MovingPicture, AGifInMemoryIsTheSame) {
  const std::string bytes = read_file(videos() / "moving.gif");
  const auto video = MovingPicture::open(
      {.bytes = bytes, .media_type = "video/gif; fps=12.5"});
  EXPECT_EQ(video->frames(), 6);
  EXPECT_EQ(video->rate(), 12.5) << "said, and not taken from the delays";
  const auto url = MovingPicture::open(
      {.url = "data:video/gif;base64," + base::base64_encode(bytes)});
  EXPECT_EQ(levels(*url, {0, 3}), levels(*video, {0, 3}));
}

TEST(MovingPicture, ATruncatedGifEndsInAnErrorAndNotInAFrame) {
  const std::string bytes = read_file(videos() / "moving.gif");
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    try {
      const auto video =
          MovingPicture::open({.bytes = "GIF89a" + bytes.substr(6, size),
                               .media_type = "video/gif"});
      std::vector<int> all(static_cast<std::size_t>(video->frames()));
      std::iota(all.begin(), all.end(), 0);
      EXPECT_EQ(levels(*video, all).size(), all.size());
    } catch (const ImageProcessingError&) {
      continue;
    }
  }
}

TEST(MovingPicture, FramesOfAFolderAreInTheOrderOfTheirNumbers) {
  const test::TemporaryFolder folder;
  folder.file("frame10.png", flat(3, 2, 10));
  folder.file("frame9.png", flat(3, 2, 9));
  folder.file("frame0100.png", flat(3, 2, 100));
  folder.file(".hidden", "no frame");
  const auto video = MovingPicture::open(
      {.path = folder.path().string(), .media_type = "video/frames; fps=4"});
  EXPECT_EQ(video->frames(), 3);
  EXPECT_EQ(video->rate(), 4);
  EXPECT_TRUE(video->is_chosen());
  EXPECT_THAT(levels(*video, {0, 1, 2}), ElementsAre(9, 10, 100));
}

TEST(MovingPicture, FramesOfAListAreThere) {
  const std::string url = "data:video/jpeg;base64," +
                          base::base64_encode(flat(2, 2, 7)) + "," +
                          base::base64_encode(flat(2, 2, 8));
  const auto video = MovingPicture::open({.url = url});
  EXPECT_THAT(levels(*video, {0, 1}), ElementsAre(7, 8));
  EXPECT_EQ(video->rate(), std::nullopt);
}

TEST(MovingPicture, RefusesWhatIsNoMovingPicture) {
  const test::TemporaryFolder empty;
  const test::TemporaryFolder mixed;
  mixed.file("1.png", flat(3, 2, 1));
  mixed.file("2.png", flat(2, 3, 1));
  const auto open = [](ImagePart part) {
    if (part.media_type.empty()) part.media_type = "video/frames";
    return MovingPicture::open(part);
  };
  EXPECT_THROW(open({.path = empty.path().string()}), ImageProcessingError);
  EXPECT_THROW(open({.path = mixed.path().string()}), ImageProcessingError);
  EXPECT_THROW(open({.path = "/no/such/video"}), FileProcessingError);
  EXPECT_THROW(open({.bytes = "....ftypisom"}), ImageProcessingError);
  EXPECT_THROW(open({.url = "https://example.org/a.mp4"}), InvalidRequestError);
  EXPECT_THROW(open({.url = "data:video/jpeg;base64,?"}), InvalidRequestError);
  for (const char* rate :
       {"0", "-1", "1e-9", "1e9", "fast", "nan", "24abc", ""}) {
    EXPECT_THROW(open({.path = mixed.path().string(),
                       .media_type = std::string("video/x; fps=") + rate}),
                 InvalidRequestError)
        << rate;
  }
}

}  // namespace
}  // namespace abstractllm::io
