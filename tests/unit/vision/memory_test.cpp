// What processing an image holds at a time, whatever the image's size.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/source_folder.h"
#include "test_pictures.h"
#include "vision/processor.h"

namespace abstractllm::vision {
namespace {

// The most that this process has held so far, in bytes.
std::uint64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<std::uint64_t>(usage.ru_maxrss);
#else
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
}

// Shows an image of one row or column after another, which nothing holds.
class Rows final : public io::ImageSource {
 public:
  explicit Rows(io::ImageShape shape) : ImageSource(shape) {}
  void read_rows(const io::RowSink& sink) const override {
    std::vector<std::uint8_t> row(
        3 * static_cast<std::size_t>(shape().stored_width));
    for (int y = 0; y < shape().stored_height; ++y) {
      std::fill(row.begin(), row.end(), static_cast<std::uint8_t>(y));
      sink(row);
    }
  }
};

std::unique_ptr<ImageProcessor> processor_for(std::string_view json) {
  return ImageProcessor::from_config(
      {.model = io::JsonConfig::parse(json, "config.json")});
}

constexpr std::uint64_t kMiB = 1 << 20;

TEST(ImageMemory, TwelveThousandByNineThousandPixelsTakeAFewRows) {
  const auto processor = processor_for(R"({"model_type": "qwen2_vl"})");
  const auto image =
      io::EncodedImage::open(abstractllm::test::source_folder() /
                             "tests/data/images/references/huge.png");
  ASSERT_EQ(image.width(), 12000);
  ASSERT_EQ(image.height(), 9000);
  EXPECT_LT(image.memory_bytes(), kMiB);
  const std::uint64_t before = peak_bytes();
  const ImageInputs inputs = processor->process(image, {});
  const std::uint64_t result = inputs.pixel_values.values.size() * 4;
  EXPECT_LE(inputs.plan.pixels, 28 * 28 * 1280);
  // All pixels of the image would be 309 MiB.
  EXPECT_LT(peak_bytes() - before, result + 48 * kMiB);
}

TEST(ImageMemory, ThinImagesTakeNoMoreThanTheirResult) {
  const auto processor = processor_for(R"({"model_type": "llava"})");
  for (const bool transposed : {false, true}) {
    // One side grows to 4,480,000 pixels, of which 224 are seen.
    const Rows image({.stored_width = 1,
                      .stored_height = 20000,
                      .orientation = {.transposed = transposed}});
    const std::uint64_t before = peak_bytes();
    const ImageInputs inputs = processor->process(image, {});
    EXPECT_EQ(inputs.plan.pixels, 224 * 224);
    EXPECT_LT(peak_bytes() - before, 48 * kMiB);
  }
}

}  // namespace
}  // namespace abstractllm::vision
