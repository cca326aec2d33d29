// Requests with images beside others: a tower's work comes in slices, so that
// running answers go on.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <stdexcept>

#include "batcher_fixture.h"
#include "mlx/mlx.h"
#include "models/image_prompt.h"
#include "vision/towers/tower.h"

namespace abstractllm::engine::test {
namespace {

namespace mx = mlx::core;

constexpr int kLayers = 6;
constexpr int kRows = 3;

// Its features are kLayers, layer by layer.
class CountingTower : public vision::VisionTower {
 public:
  models::ImageFeatures encode(const vision::ImageInputs& image,
                               vision::Stages& stages) const override {
    ++calls;
    const auto end = std::chrono::steady_clock::now() + encode_time;
    while (std::chrono::steady_clock::now() < end) {
    }
    if (image.plan.crops > 1) throw std::runtime_error("thrown by the tower");
    mx::array x = mx::zeros({kRows, 1});
    for (int i = 0; i < kLayers; ++i) {
      x = x + mx::array(1.0f);
      stages.push_back(x);
    }
    return {x};
  }

  mutable int calls = 0;
  std::chrono::milliseconds encode_time{0};
};

// A prompt: text, images, text.
struct Shown {
  Ids before = range(7, 4);
  Ids numbers;
  Ids behind = {11};
  int crops = 1;
};

class BatcherImages : public BatcherTest {
 protected:
  // Every slice is the work of one layer.
  void make_with_images(double seconds = 0) {
    batcher_.emplace(
        model_, BatcherOptions{
                    .limits = {.parallel = 4, .kv_bytes = 1 << 30, .kept = 4},
                    .prefill_chunk = 64,
                    .images = &store_,
                    .image_seconds_beside = seconds,
                    .image_seconds_alone = seconds});
  }

  Client show(std::int32_t number, int max_tokens, int crops = 1) {
    return show({.numbers = {number}, .crops = crops}, max_tokens);
  }

  Client show(const Shown& shown, int max_tokens) {
    auto inputs = std::make_shared<vision::ImageInputs>();
    inputs->plan.crops = shown.crops;
    Client client;
    Ids prompt = shown.before;
    std::vector<JobImage> images;
    for (std::size_t image = 0; image < shown.numbers.size(); ++image) {
      prompt.insert(prompt.end(), kRows, image_id(image));
      images.push_back({.digest = "", .inputs = inputs, .tokens = kRows});
    }
    prompt.insert(prompt.end(), shown.behind.begin(), shown.behind.end());
    for (const std::int32_t id : prompt) {
      client.prompt.push_back(id < 0 ? kLayers : id);
    }
    add({.prompt = std::move(prompt),
         .images = std::move(images),
         .options = {.temperature = 0, .max_tokens = max_tokens},
         .end_tokens = {},
         .cancel = client.cancel,
         .channel = client.channel},
        shown.numbers);
    return client;
  }

  CountingTower tower_;
  ImageStore store_{tower_, kFeatureBytes};
};

TEST_F(BatcherImages, AnswersGoOnWhileATowerWorks) {
  make_with_images();
  Client text = submit(range(1, 5), 30);
  steps(1);
  text.read(1);
  Client image = show(-1, 4);
  // The text before the image, a token of the answer, and from then on each
  // step is a slice and a token of the answer.
  steps(kLayers + 1);
  EXPECT_EQ(text.channel->size(), static_cast<std::size_t>(kLayers));
  EXPECT_EQ(image.channel->size(), 0U);
  finish({&text, &image});
  expect_answered(text, 30);
  expect_answered(image, 4);
  EXPECT_EQ(tower_.calls, 1);
  EXPECT_EQ(store_.encoded(), 1);
}

TEST_F(BatcherImages, APromptBehindAnImageIsAnsweredMeanwhile) {
  make_with_images();
  Client image = show(-1, 4);
  steps(1);
  Client text = submit(range(1, 5), 3);
  steps(kLayers - 2);
  EXPECT_EQ(text.channel->size(), 4U);  // three tokens and the end
  EXPECT_EQ(image.channel->size(), 0U);
  finish({&text, &image});
  expect_answered(text, 3);
  expect_answered(image, 4);
}

// Behind an image with more text than a step may have.
TEST_F(BatcherImages, APromptIsNotHeldUpByAnImageBesideAnAnswer) {
  make_with_images();
  Client answer = submit(range(1, 5), 30);
  steps(1);
  Client image = show({.numbers = {-1}, .behind = range(3, 80)}, 4);
  Client text = submit(range(2, 6), 3);
  steps(4);
  EXPECT_GE(text.channel->size(), 1U);
  EXPECT_EQ(store_.encoded(), 0);
  finish({&answer, &image, &text});
  expect_answered(answer, 30);
  expect_answered(image, 4);
  expect_answered(text, 3);
}

TEST_F(BatcherImages, APromptIsNotHeldUpByTwoImages) {
  make_with_images();
  Client first = show({.numbers = {-1}, .behind = range(3, 80)}, 4);
  Client second = show({.numbers = {-2}, .behind = range(4, 80)}, 4);
  Client text = submit(range(2, 6), 3);
  steps(4);
  EXPECT_GE(text.channel->size(), 1U);
  EXPECT_EQ(store_.encoded(), 0);
  finish({&first, &second, &text});
  expect_answered(first, 4);
  expect_answered(second, 4);
  expect_answered(text, 3);
}

TEST_F(BatcherImages, TheTextBeforeAnImageIsSharedAtOnce) {
  make_with_images();
  const Ids system = range(5, 20);
  Client image = show({.before = system, .numbers = {-1}}, 4);
  Ids prompt = system;
  prompt.insert(prompt.end(), {1, 2, 3});
  Client text = submit(prompt, 3);
  steps(3);
  EXPECT_GE(text.channel->size(), 1U);
  EXPECT_EQ(store_.encoded(), 0);
  finish({&image, &text});
  expect_answered(image, 4);
  expect_answered(text, 3);
  EXPECT_EQ(text.end->usage.cached_tokens, 20);
}

TEST_F(BatcherImages, APromptThatSeesItselfWholeWaitsForItsImages) {
  model_.sight = models::PromptSight::kWholePrompt;
  make_with_images();
  Client image = show(-1, 4);
  finish({&image});
  expect_answered(image, 4);
  EXPECT_EQ(model_.steps.front(), std::vector<int>{8});
}

TEST_F(BatcherImages, NobodyWaitsForABeginningThatCannotBeShared) {
  model_.sight = models::PromptSight::kWholePrompt;
  make_with_images();
  const Ids system = range(5, 20);
  Client image = show({.before = system, .numbers = {-1}}, 4);
  Ids prompt = system;
  prompt.insert(prompt.end(), {1, 2, 3});
  Client text = submit(prompt, 3);
  steps(2);
  EXPECT_GE(text.channel->size(), 1U);
  EXPECT_EQ(store_.encoded(), 0);
  finish({&image, &text});
  expect_answered(image, 4);
  expect_answered(text, 3);
}

TEST_F(BatcherImages, TheTimeOfAStepIsForAllItsImages) {
  tower_.encode_time = std::chrono::milliseconds(30);
  make_with_images(0.04);
  Client image = show({.numbers = {-1, -2}}, 4);
  steps(1);
  EXPECT_LT(store_.encoded(), 2);
  finish({&image});
  expect_answered(image, 4);
  EXPECT_EQ(store_.encoded(), 2);
}

TEST_F(BatcherImages, ACancelledImageThatOthersShowIsGoneOnWith) {
  make_with_images();
  Client gone = show(-1, 4);
  Client other = show(-1, 4);
  steps(3);
  gone.cancel.cancel();
  finish({&gone, &other});
  expect_answered(other, 4);
  EXPECT_EQ(tower_.calls, 1);
}

TEST_F(BatcherImages, AFailingImageLeavesWhatItsPromptBeganWith) {
  make_with_images();
  const Ids system = range(5, 20);
  Client first = submit(system, 3);
  finish({&first});
  Client broken = show({.before = system, .numbers = {-1}, .crops = 2}, 4);
  finish({&broken});
  ASSERT_TRUE(broken.end.has_value());
  EXPECT_TRUE(broken.end->error.has_value());
  Ids prompt = system;
  prompt.insert(prompt.end(), {1, 2, 3});
  Client next = submit(prompt, 3);
  finish({&next});
  expect_answered(next, 3);
  EXPECT_EQ(next.end->usage.cached_tokens, 20);
}

TEST_F(BatcherImages, KeptSequencesHoldNoFeatures) {
  make_with_images();
  Client image = show(-1, 3);
  finish({&image});
  const ImageStore::Features features = store_.features(-1, {}, 0);
  EXPECT_EQ(features.use_count(), 2) << "the store's and this one";
}

TEST_F(BatcherImages, FeaturesAboveTheLimitAreKeptUntilTheNext) {
  ImageStore small(tower_, 1);
  const JobImage image{.digest = "",
                       .inputs = std::make_shared<vision::ImageInputs>(),
                       .tokens = kRows};
  for (const std::int32_t number : {-1, -1, -2, -2}) {
    EXPECT_NE(small.features(number, image, 60), nullptr);
  }
  EXPECT_EQ(tower_.calls, 2);
}

TEST_F(BatcherImages, ARepeatedImageIsEncodedOnce) {
  make_with_images();
  Client first = show(-1, 3);
  finish({&first});
  Client second = show(-1, 3);
  finish({&second});
  expect_answered(first, 3);
  expect_answered(second, 3);
  EXPECT_EQ(tower_.calls, 1);
}

TEST_F(BatcherImages, ACancelledImageIsForgottenAndTheNextOneSeen) {
  make_with_images();
  Client gone = show(-1, 4);
  Client next = show(-2, 4);
  steps(2);
  gone.cancel.cancel();
  finish({&gone, &next});
  ASSERT_TRUE(gone.end.has_value());
  EXPECT_EQ(gone.end->reason, FinishReason::kCancelled);
  expect_answered(next, 4);
  EXPECT_EQ(store_.encoded(), 1);
}

TEST_F(BatcherImages, AFailingTowerEndsItsRequestAlone) {
  make_with_images();
  Client text = submit(range(1, 5), 6);
  Client broken = show(-1, 4, 2);
  Client image = show(-2, 4);
  finish({&text, &broken, &image});
  ASSERT_TRUE(broken.end.has_value());
  EXPECT_TRUE(broken.end->error.has_value());
  expect_answered(text, 6);
  expect_answered(image, 4);
}

}  // namespace
}  // namespace abstractllm::engine::test
