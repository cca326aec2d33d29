// Frames and sizes of moving pictures, as transformers' processors choose them.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "support/source_folder.h"
#include "vision/processor.h"

namespace abstractllm::vision {
namespace {

// Of grey frames that nothing holds.
class Clip final : public io::MovingPicture {
 public:
  Clip(int frames, int width, int height, double rate, bool chosen) {
    frames_ = frames;
    width_ = width;
    height_ = height;
    rate_ = rate;
    chosen_ = chosen;
  }
  void read(
      std::span<const int> indices,
      const std::function<void(const io::ImageSource&)>& take) const override {
    for (const int i : indices) {
      io::RgbImage image{.width = width_, .height = height_};
      image.pixels.assign(static_cast<std::size_t>(3 * width_ * height_),
                          static_cast<std::uint8_t>(i));
      take(io::PixelSource(std::move(image)));
    }
  }
  void read_bytes(
      const std::function<void(std::span<const std::byte>)>&) const override {}
};

std::unique_ptr<ImageProcessor> processor_of(const std::string& model_type) {
  return ImageProcessor::from_config(
      {.model = io::JsonConfig::parse(
           "{\"model_type\": \"" + model_type + "\"" +
               (model_type == "qwen3_vl"
                    ? R"(, "vision_config": {"patch_size": 16}})"
                    : "}"),
           "config.json")});
}

TEST(VideoPlan, FramesAndSizesAreThoseOfTheReference) {
  const auto reference = nlohmann::json::parse(std::ifstream(
      abstractllm::test::source_folder() / "tests/data/video_plans.json"));
  ASSERT_GT(reference.size(), 50u);
  for (const auto& c : reference) {
    SCOPED_TRACE(c.dump().substr(0, 100));
    const Clip clip(c.at("frames"), c.at("width"), c.at("height"), c.at("rate"),
                    false);
    const ImagePlan plan = processor_of(c.at("model"))->plan_video(clip, {});
    EXPECT_EQ(plan.frames, c.at("sampled").get<std::vector<int>>());
    EXPECT_EQ((std::vector{plan.width, plan.height}),
              c.at("seen").get<std::vector<int>>());
    EXPECT_EQ(plan.image_tokens, static_cast<int>(plan.times.size()) *
                                     plan.grid_rows * plan.grid_columns);
  }
}

TEST(VideoPlan, ABudgetIsForAllFramesTogether) {
  for (const char* model : {"qwen2_vl", "qwen3_vl"}) {
    const auto processor = processor_of(model);
    const Clip clip(10, 640, 480, 2, true);
    for (const std::int64_t most : {20000, 100000, 1000000}) {
      const ImagePlan plan = processor->plan_video(clip, {.max_pixels = most});
      EXPECT_LE(plan.pixels, most) << model;
      EXPECT_EQ(plan.frames.size(), 10u);
    }
    EXPECT_THROW(processor->plan_video(clip, {.max_pixels = 5000}),
                 InvalidParameterError);
  }
}

TEST(VideoPlan, AnOddFrameIsSeenTwice) {
  const auto processor = processor_of("qwen2_vl");
  const ImageInputs inputs =
      processor->process_video(Clip(3, 56, 28, 2, true), {.max_pixels = 4704});
  EXPECT_EQ(inputs.integers.at("image_grid_thw").values[0], 2);
  const auto rows = static_cast<std::size_t>(inputs.pixel_values.shape[0]);
  const auto width = static_cast<std::size_t>(inputs.pixel_values.shape[1]);
  const std::vector<float>& values = inputs.pixel_values.values;
  ASSERT_EQ(values.size(), rows * width);
  constexpr std::size_t kFrame = 14 * 14;
  const float* last = &values[(rows - 1) * width];
  EXPECT_EQ(last[0], last[kFrame]) << "the third frame, and again";
  EXPECT_NE(values[0], values[kFrame]) << "the first and the second one";
}

TEST(VideoPlan, OtherKindsRefuseThem) {
  const auto processor = processor_of("llava");
  const Clip clip(3, 56, 28, 2, true);
  EXPECT_THROW(processor->plan_video(clip, {}), UnsupportedFeatureError);
  EXPECT_THROW(processor->process_video(clip, {}), UnsupportedFeatureError);
}

TEST(VideoPlan, RefusesMoreFramesThanTheModelTakes) {
  EXPECT_THROW(
      processor_of("qwen2_vl")->plan_video(Clip(769, 56, 28, 2, true), {}),
      ImageProcessingError);
}

}  // namespace
}  // namespace abstractllm::vision
