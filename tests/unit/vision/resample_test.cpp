// Resizing against Pillow's bytes, and the law that windows, regions and
// orientations change nothing.
// SPDX-License-Identifier: Apache-2.0
#include "vision/resample.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "test_pictures.h"

namespace abstractllm::vision {
namespace {

io::RgbImage resized(const io::ImageSource& source, const ResizeJob& job) {
  return std::move(resize(source, {&job, 1}).front());
}

TEST(Resample, EqualsPillowByteForByte) {
  const auto cases = reference_cases("resize.json");
  ASSERT_GT(cases.size(), 100U);
  for (const auto& item : cases) {
    SCOPED_TRACE(item.dump());
    const io::PixelSource source(
        picture(item.at("from").at(0), item.at("from").at(1)));
    const auto result = resized(
        source,
        ResizeJob::whole(source, item.at("to").at(0), item.at("to").at(1),
                         static_cast<Filter>(item.at("filter"))));
    EXPECT_EQ(checksum(result.pixels), item.at("checksum"));
    const std::vector<int> begins(
        result.pixels.begin(),
        result.pixels.begin() +
            std::min<std::ptrdiff_t>(6, std::ssize(result.pixels)));
    EXPECT_EQ(nlohmann::json(begins), item.at("begins"));
  }
}

TEST(Resample, AWindowIsAPartOfTheWhole) {
  const io::PixelSource source(picture(61, 47));
  for (const auto& [width, height] :
       {std::pair{30, 20}, {100, 90}, {20, 90}, {100, 20}}) {
    ResizeJob job = ResizeJob::whole(source, width, height, Filter::kLanczos);
    const auto whole = resized(source, job);
    job.window = {.left = 3, .top = 5, .width = 11, .height = 7};
    const auto part = resized(source, job);
    ASSERT_EQ(part.width, 11);
    ASSERT_EQ(part.height, 7);
    for (int y = 0; y < 7; ++y) {
      for (int x = 0; x < 33; ++x) {
        ASSERT_EQ(part.pixels[static_cast<std::size_t>(33 * y + x)],
                  whole.pixels[static_cast<std::size_t>(
                      3 * ((y + 5) * width + 3) + x)]);
      }
    }
  }
}

TEST(Resample, ARegionIsResizedAsAnImageOfItsOwn) {
  const io::RgbImage image = picture(61, 47);
  io::RgbImage cut{.width = 20, .height = 30};
  for (int y = 0; y < 30; ++y) {
    const auto* row =
        &image.pixels[static_cast<std::size_t>(3 * ((y + 9) * 61 + 7))];
    cut.pixels.insert(cut.pixels.end(), row, row + 60);
  }
  const Window region{.left = 7, .top = 9, .width = 20, .height = 30};
  const io::PixelSource source(cut);
  EXPECT_EQ(
      resized(io::PixelSource(image),
              ResizeJob::whole(region, 33, 11, Filter::kBicubic)),
      resized(source, ResizeJob::whole(source, 33, 11, Filter::kBicubic)));
}

TEST(Resample, OrientedImagesAreResizedAsTheirUprightPixels) {
  const io::RgbImage image = picture(61, 47);
  const io::PixelSource upright(image);
  for (int bits = 0; bits < 8; ++bits) {
    const OrientedSource turned(image, {.transposed = (bits & 1) != 0,
                                        .mirrored_x = (bits & 2) != 0,
                                        .mirrored_y = (bits & 4) != 0});
    ASSERT_EQ(io::read_pixels(turned), image) << bits;
    for (const auto& [width, height] :
         {std::pair{30, 20}, {100, 90}, {20, 90}, {100, 20}, {61, 47}}) {
      const ResizeJob job{.region = {5, 6, 50, 40},
                          .width = width,
                          .height = height,
                          .window = {1, 2, width - 1, height - 2},
                          .filter = Filter::kBicubic};
      EXPECT_EQ(resized(turned, job), resized(upright, job)) << bits;
    }
  }
}

TEST(Resample, SeveralJobsTakeOneReading) {
  const io::PixelSource source(picture(40, 30));
  const std::vector<ResizeJob> jobs = {
      ResizeJob::whole(source, 10, 8, Filter::kBox),
      ResizeJob::whole(Window{2, 3, 9, 9}, 18, 3, Filter::kNearest)};
  const auto results = resize(source, jobs);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0], resized(source, jobs[0]));
  EXPECT_EQ(results[1], resized(source, jobs[1]));
}

TEST(Resample, WhatIsNotInsideIsRefused) {
  const io::PixelSource source(picture(4, 4));
  for (const Window& region : {Window{0, 0, 5, 4}, Window{-1, 0, 2, 2},
                               Window{3, 3, 2, 1}, Window{0, 0, 0, 1}}) {
    const ResizeJob job = ResizeJob::whole(region, 2, 2, Filter::kBox);
    EXPECT_THROW(resize(source, {&job, 1}), InternalError);
  }
  ResizeJob job = ResizeJob::whole(source, 2, 2, Filter::kBox);
  job.window = {1, 1, 2, 2};
  EXPECT_THROW(resize(source, {&job, 1}), InternalError);
}

}  // namespace
}  // namespace abstractllm::vision
