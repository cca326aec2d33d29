// Each kind of image processor on odd sizes, against the reference's; budgets;
// configurations that cannot be.
// SPDX-License-Identifier: Apache-2.0
#include "vision/processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "abstractllm/error.h"
#include "test_pictures.h"

namespace abstractllm::vision {
namespace {

using nlohmann::json;
using testing::HasSubstr;

io::JsonConfig config(const json& value) {
  return io::JsonConfig::parse(value.dump(), "test.json");
}

std::unique_ptr<ImageProcessor> processor_of(const json& item) {
  return ImageProcessor::from_config(
      {.preprocessor = config(item.at("preprocessor")),
       .processor = config(item.at("processor")),
       .model = config(item.at("model"))});
}

template <typename Tensor>
void expect_equal(const Tensor& got, const json& want) {
  EXPECT_EQ(json(got.shape), want.at("shape"));
  double sum = 0;
  for (const auto value : got.values) sum += value;
  if (want.contains("sum")) {
    const double expected = want.at("sum").get<double>();
    EXPECT_NEAR(sum, expected, 1e-4 * std::abs(expected) + 0.2);
  }
  if (!want.contains("values")) return;
  const auto step = want.value("step", std::size_t{1});
  for (std::size_t i = 0; i < want.at("values").size(); ++i) {
    ASSERT_NEAR(got.values.at(i * step),
                want.at("values").at(i).template get<double>(), 1e-5)
        << "value " << i * step;
  }
}

std::string placeholders(const ImageProcessor& processor, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += processor.placeholder();
  return text;
}

// Named in messages by its kind.
struct Case {
  json content;
  friend void PrintTo(const Case& item, std::ostream* out) {
    *out << item.content.at("kind");
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const json& item : reference_cases("processors.json")) {
    all.push_back({item});
  }
  return all;
}

class Processor : public testing::TestWithParam<Case> {};

TEST_P(Processor, EqualsTheReferenceOnOddSizes) {
  const auto processor = processor_of(GetParam().content);
  for (const json& image : GetParam().content.at("images")) {
    SCOPED_TRACE(image.at("size").dump());
    const io::PixelSource source(
        picture(image.at("size").at(0), image.at("size").at(1)));
    if (image.contains("error")) {
      // The reference fails where a side shrinks to nothing.
      const ImagePlan plan =
          processor->plan(source.width(), source.height(), {});
      EXPECT_GE(std::min(plan.width, plan.height), 1);
      continue;
    }
    const ImageInputs inputs = processor->process(source, {});
    EXPECT_EQ(inputs.plan,
              processor->plan(source.width(), source.height(), {}));
    for (const auto& [name, want] : image.at("inputs").items()) {
      SCOPED_TRACE(name);
      if (name == "pixel_values") {
        expect_equal(inputs.pixel_values, want);
      } else {
        ASSERT_TRUE(inputs.integers.contains(name));
        expect_equal(inputs.integers.at(name), want);
      }
    }
    if (!image.contains("text_length")) continue;
    const auto pieces =
        processor->expand(placeholders(*processor, 1), {&inputs.plan, 1});
    ASSERT_EQ(pieces.size(), 1U);
    EXPECT_EQ(pieces[0].text.size(), image.at("text_length"));
    EXPECT_EQ(checksum(pieces[0].text), image.at("text_checksum"));
  }
}

TEST_P(Processor, ABudgetIsKeptOrRefusedWithWhatIsNeeded) {
  const auto processor = processor_of(GetParam().content);
  for (const auto& [width, height] :
       {std::pair{640, 425}, {425, 640}, {900, 100}, {5, 5}}) {
    const ImagePlan free = processor->plan(width, height, {});
    EXPECT_EQ(processor->plan(width, height, {.max_pixels = 1 << 30}), free);
    EXPECT_THROW(processor->plan(width, height, {.max_pixels = 20}),
                 InvalidParameterError);
    for (const std::int64_t budget : {60000, 20000, 13000, 8000}) {
      try {
        const ImagePlan plan =
            processor->plan(width, height, {.max_pixels = budget});
        EXPECT_LE(plan.pixels, budget);
        EXPECT_LE(plan.image_tokens, free.image_tokens);
        const io::PixelSource source(picture(width, height));
        EXPECT_EQ(processor->process(source, {.max_pixels = budget}).plan,
                  plan);
      } catch (const InvalidParameterError& error) {
        EXPECT_THAT(error.what(), HasSubstr(std::to_string(budget)));
      }
    }
  }
}

TEST_P(Processor, ThePromptHasAPlaceForEachImage) {
  const auto processor = processor_of(GetParam().content);
  if (processor->placeholder().empty()) return;
  const std::vector<ImagePlan> plans(2, processor->plan(50, 40, {}));
  EXPECT_NO_THROW(processor->expand(placeholders(*processor, 2), plans));
  EXPECT_THROW(processor->expand(placeholders(*processor, 1), plans),
               InvalidRequestError);
  EXPECT_THROW(processor->expand(placeholders(*processor, 3), plans),
               InvalidRequestError);
  EXPECT_EQ(processor->expand("plain", {}),
            (std::vector<PromptPiece>{{.text = "plain"}}));
}

INSTANTIATE_TEST_SUITE_P(
    All, Processor, testing::ValuesIn(cases()), [](const auto& info) {
      return info.param.content.at("kind").template get<std::string>();
    });

TEST(Phi3V, TagsNameImagesInAnyOrder) {
  const auto processor = ImageProcessor::from_config(
      {.preprocessor = config({{"image_processor_type", "Phi3VImageProcessor"},
                               {"num_crops", 4}})});
  const std::vector<ImagePlan> plans = {processor->plan(336, 336, {}),
                                        processor->plan(672, 300, {})};
  EXPECT_EQ(
      processor->expand("a <|image_2|><|image_1|>\n<|image_x|>", plans),
      (std::vector<PromptPiece>{{.text = "a "},
                                {.id = -2, .count = plans[1].image_tokens},
                                {.id = -1, .count = plans[0].image_tokens},
                                {.text = "\n<|image_x|>"}}));
  EXPECT_THROW(processor->expand("<|image_1|>", plans), InvalidRequestError);
  EXPECT_THROW(processor->expand("<|image_1|><|image_2|><|image_3|>", plans),
               InvalidRequestError);
  EXPECT_THROW(processor->expand("<|image_0|><|image_1|><|image_2|>", plans),
               InvalidRequestError);
}

TEST(PaliGemma, ImagesStandInFrontOrWhereTheyAreMarked) {
  const auto processor = ImageProcessor::from_config(
      {.preprocessor = config({{"image_seq_length", 2}}),
       .model = config({{"model_type", "paligemma"}})});
  const std::vector<ImagePlan> plans(1, processor->plan(30, 20, {}));
  EXPECT_FALSE(processor->adds_special_tokens());
  EXPECT_EQ(processor->expand("caption en", plans).at(0).text,
            "<image><image><bos>caption en\n");
  EXPECT_EQ(processor->expand("<image>caption en", plans).at(0).text,
            "<image><image><bos>caption en\n");
  EXPECT_EQ(processor->expand("caption en", {}).at(0).text,
            "<bos>caption en\n");
}

TEST(Qwen2Vl, ImagesBeyondTwoHundredToOneAreRefused) {
  const auto processor = ImageProcessor::from_config(
      {.model = config({{"model_type", "qwen2_vl"}})});
  EXPECT_NO_THROW(processor->plan(2000, 10, {}));
  EXPECT_THROW(processor->plan(2010, 10, {}), ImageProcessingError);
  EXPECT_THROW(processor->plan(1, 20000, {}), ImageProcessingError);
}

TEST(ProcessorConfig, AnUnknownKindIsToldWithTheKnownOnes) {
  try {
    ImageProcessor::from_config(
        {.preprocessor = config({{"image_processor_type", "FuyuProcessor"}}),
         .model = config({{"model_type", "fuyu"}})});
    FAIL() << "nothing was thrown";
  } catch (const UnsupportedModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'FuyuProcessor', model_type 'fuyu'"));
    EXPECT_THAT(error.hint(), HasSubstr("qwen2_5_vl"));
  }
}

TEST(ProcessorConfig, ValuesThatCannotBeAreRefused) {
  for (const json& bad : {
           json{{"patch_size", 0}},
           json{{"patch_size", "x"}},
           json{{"merge_size", 100000}},
           json{{"min_pixels", 5000}, {"max_pixels", 4000}},
           json{{"image_std", {0.5, 0.0, 0.5}}},
           json{{"image_mean", {0.5, 0.5}}},
           json{{"resample", 9}},
           json{{"size", {{"longest_edge", -1}}}},
       }) {
    EXPECT_THROW(ImageProcessor::from_config(
                     {.preprocessor = config(bad),
                      .model = config({{"model_type", "qwen2_vl"}})}),
                 ModelLoadingError)
        << bad.dump();
  }
}

}  // namespace
}  // namespace abstractllm::vision
