// Where images stand in prompts.
// SPDX-License-Identifier: Apache-2.0
#include "models/image_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace abstractllm::models {
namespace {

namespace mx = mlx::core;
using testing::ElementsAre;
using testing::IsEmpty;

using Ids = std::vector<std::int32_t>;

PromptImage image(std::int32_t number, int rows, int columns) {
  return {.number = number,
          .tokens = rows * columns,
          .grid_rows = rows,
          .grid_columns = columns};
}

std::vector<float> values(const mx::array& x) {
  mx::array plain = mx::contiguous(x);
  plain.eval();
  return {plain.data<float>(), plain.data<float>() + plain.size()};
}

// Features whose row r is (number, r).
std::shared_ptr<const ImageFeatures> features(float number, int rows,
                                              int layers = 0) {
  std::vector<float> data;
  for (int row = 0; row < rows; ++row) {
    data.push_back(number);
    data.push_back(static_cast<float>(row));
  }
  const mx::array all(data.data(), {rows, 2}, mx::float32);
  return std::make_shared<const ImageFeatures>(ImageFeatures{
      all, std::vector<mx::array>(static_cast<std::size_t>(layers), all)});
}

TEST(ImagePrompt, PlacesImagesInTimeHeightAndWidth) {
  // Two text tokens, an image of 2 x 3, one text token.
  const Ids ids{5, 6, -1, -1, -1, -1, -1, -1, 7};
  const ImagePrompt prompt(ids, {image(-1, 2, 3)}, ImageMode::kInGrid);
  EXPECT_THAT(prompt.positions(0, 9),
              ElementsAre(0, 1, 2, 2, 2, 2, 2, 2, 5,   // time
                          0, 1, 2, 2, 2, 3, 3, 3, 5,   // height
                          0, 1, 2, 3, 4, 2, 3, 4, 5))  // width
      << "text goes on behind the longer side";
  EXPECT_EQ(prompt.shift_behind(), -3);
  EXPECT_THAT(prompt.positions(8, 11), ElementsAre(5, 6, 7, 5, 6, 7, 5, 6, 7));
}

TEST(ImagePrompt, PlacesFramesInTime) {
  // Three frames of 1 x 2, two and a half positions apart.
  PromptImage video = image(-1, 1, 2);
  video.tokens = 6;
  video.frame_step = 2.5;
  const ImagePrompt prompt(Ids{5, -1, -1, -1, -1, -1, -1, 7}, {video},
                           ImageMode::kInGrid);
  EXPECT_THAT(prompt.positions(0, 8), ElementsAre(0, 1, 1, 3, 3, 6, 6, 3,  //
                                                  0, 1, 1, 1, 1, 1, 1, 3,  //
                                                  0, 1, 2, 1, 2, 1, 2, 3));
}

TEST(ImagePrompt, FramesWithTextBetweenThemAreLikeImages) {
  PromptImage video = image(-1, 1, 2);
  video.tokens = 4;
  const ImagePrompt prompt(Ids{-1, -1, 8, -1, -1, 7}, {video},
                           ImageMode::kInGrid);
  EXPECT_THAT(prompt.positions(0, 6), ElementsAre(0, 0, 2, 3, 3, 5,  //
                                                  0, 0, 2, 3, 3, 5,  //
                                                  0, 1, 2, 3, 4, 5));
}

TEST(ImagePrompt, RowsSeeTheImagesTheyFollowBesideTheText) {
  // Text, two images side by side, text, an image, text.
  const Ids ids{5, -1, -2, 6, 7, -3, 8};
  ImagePrompt prompt(ids, {image(-1, 1, 1), image(-2, 1, 1), image(-3, 1, 1)},
                     ImageMode::kBeside);
  const mx::array keys = mx::zeros({4, 2});
  for (PromptImage& shown : prompt.images()) {
    ImageFeatures made{keys};
    made.across = {{keys, keys}};
    made.shown = 3;
    shown.features = std::make_shared<const ImageFeatures>(std::move(made));
  }
  struct Span {
    int rows;
    int keys;
    bool before_images;
    bool operator==(const Span&) const = default;
  };
  const auto spans = [&](int first, int last) {
    std::vector<Span> found;
    const auto all = prompt.across(first, last);
    for (const auto& span : *all) {
      found.push_back({span.rows, span.sight->rows(), span.before_images});
    }
    return found;
  };
  EXPECT_EQ(spans(0, 9),
            (std::vector<Span>{
                {1, 12, true}, {1, 3, false}, {3, 6, false}, {4, 3, false}}))
      << "a row before all images sees them with their padding";
  EXPECT_EQ(spans(3, 4), (std::vector<Span>{{1, 6, false}}));
  EXPECT_THAT(prompt.images_in(0, 1), ElementsAre(0, 1, 2));
  EXPECT_THAT(prompt.images_in(1, 2), ElementsAre(0));
  EXPECT_THAT(prompt.images_in(4, 6), ElementsAre(0, 1, 2));
  EXPECT_THAT(prompt.images_in(20, 21), ElementsAre(2));
  EXPECT_EQ(prompt.next_place(2, 0), 0);
  EXPECT_EQ(prompt.next_place(2, 1), 5);
  EXPECT_EQ(prompt.next_place(0, 3), 3);
  EXPECT_THAT(prompt.positions(0, 7), IsEmpty());
}

TEST(ImagePrompt, TellsWhereAnImageGoesOn) {
  // The first image has text between its rows.
  const ImagePrompt prompt(Ids{5, -1, -1, 6, -1, -2},
                           {image(-1, 1, 3), image(-2, 1, 1)},
                           ImageMode::kInLine);
  EXPECT_EQ(prompt.next_place(0, 0), 1);
  EXPECT_EQ(prompt.next_place(0, 2), 2);
  EXPECT_EQ(prompt.next_place(0, 3), 4);
  EXPECT_EQ(prompt.next_place(1, 0), 5);
  EXPECT_TRUE(prompt.shows(-2));
  EXPECT_FALSE(prompt.shows(-3));
}

TEST(ImagePrompt, WithoutAGridCountsTokens) {
  const Ids ids{5, -1, -1, 6};
  const ImagePrompt prompt(ids, {image(-1, 1, 2)}, ImageMode::kInLine);
  EXPECT_THAT(prompt.positions(0, 4), IsEmpty());
  EXPECT_EQ(prompt.shift_behind(), 0);
}

TEST(ImagePrompt, RefusesTokensThatDoNotFitItsImages) {
  const auto make = [](const Ids& ids, std::vector<PromptImage> images) {
    return ImagePrompt(ids, std::move(images), ImageMode::kInGrid);
  };
  EXPECT_THROW(make({1, -1, -1}, {image(-1, 1, 3)}), InvalidRequestError);
  EXPECT_THROW(make({1, -1, -1}, {image(-1, 1, 1)}), InvalidRequestError);
  EXPECT_THROW(make({1, -1, -1}, {}), InvalidRequestError);
  EXPECT_THROW(make({1, 2}, {image(-1, 1, 1)}), InvalidRequestError);
  EXPECT_THROW(make({-2, -1}, {image(-1, 1, 1), image(-2, 1, 1)}),
               InvalidRequestError);
}

TEST(ImagePrompt, TakesTheSameImageTwiceInARow) {
  const Ids ids{-1, -1, -1, -1, 3};
  const ImagePrompt prompt(ids, {image(-1, 1, 2), image(-1, 1, 2)},
                           ImageMode::kInGrid);
  EXPECT_THAT(prompt.positions(0, 5),
              ElementsAre(0, 0, 2, 2, 4, 0, 0, 2, 2, 4, 0, 1, 2, 3, 4));
  EXPECT_THAT(prompt.images_in(1, 3), ElementsAre(0u, 1u));
  EXPECT_THAT(prompt.images_in(3, 5), ElementsAre(1u));
  EXPECT_THAT(prompt.images_in(4, 5), IsEmpty());
}

TEST(ImagePrompt, PutsFeaturesInTheirPlacesHoweverThePromptIsCut) {
  const Ids ids{9, -1, -1, 9, -1, 9};  // one image in two runs
  ImagePrompt prompt(ids, {image(-1, 1, 3)}, ImageMode::kInLine);
  prompt.images()[0].features = features(7, 3);
  const mx::array embedded = mx::zeros({6, 2}, mx::float32);
  EXPECT_THAT(values(prompt.insert(embedded, 0)),
              ElementsAre(0, 0, 7, 0, 7, 1, 0, 0, 7, 2, 0, 0));
  EXPECT_THAT(values(prompt.insert(mx::zeros({3, 2}, mx::float32), 2)),
              ElementsAre(7, 1, 0, 0, 7, 2));
  EXPECT_THAT(values(prompt.insert(mx::zeros({1, 2}, mx::float32), 5)),
              ElementsAre(0, 0));
}

TEST(ImagePrompt, AddsToLayersWhereImagesAre) {
  const Ids ids{9, -1, -1, 9};
  ImagePrompt prompt(ids, {image(-1, 1, 2)}, ImageMode::kInLine);
  prompt.images()[0].features = features(3, 2, 2);
  const auto all = prompt.layer_additions(0, 4);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(values(all[1]), ElementsAre(0, 0, 3, 0, 3, 1, 0, 0));
  EXPECT_THAT(values(prompt.layer_additions(2, 2)[0]), ElementsAre(3, 1, 0, 0));
  EXPECT_THAT(prompt.layer_additions(3, 1), IsEmpty());
}

}  // namespace
}  // namespace abstractllm::models
