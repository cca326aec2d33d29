// Requests with images beside others: a tower's work comes in slices, so that
// running answers go on.
// SPDX-License-Identifier: Apache-2.0
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
    if (image.plan.crops > 1) throw std::runtime_error("thrown by the tower");
    mx::array x = mx::zeros({kRows, 1});
    for (int i = 0; i < kLayers; ++i) {
      x = x + mx::array(1.0f);
      stages.push_back(x);
    }
    return {x};
  }

  mutable int calls = 0;
};

class BatcherImages : public BatcherTest {
 protected:
  // Every slice is the work of one layer.
  void make_with_images() {
    batcher_.emplace(
        model_, BatcherOptions{
                    .limits = {.parallel = 4, .kv_bytes = 1 << 30, .kept = 4},
                    .prefill_chunk = 64,
                    .images = &store_,
                    .image_seconds_beside = 0,
                    .image_seconds_alone = 0});
  }

  Client show(std::int32_t number, int max_tokens, int crops = 1) {
    auto inputs = std::make_shared<vision::ImageInputs>();
    inputs->plan.crops = crops;
    Client client;
    Ids prompt = range(7, 4);
    for (int i = 0; i < kRows; ++i) prompt.push_back(image_id(0));
    prompt.push_back(11);
    for (const std::int32_t id : prompt) {
      client.prompt.push_back(id < 0 ? kLayers : id);
    }
    batcher_->add(std::make_unique<Generation>(
        GenerationJob{
            .prompt = std::move(prompt),
            .images = {{.digest = "", .inputs = inputs, .tokens = kRows}},
            .options = {.temperature = 0, .max_tokens = max_tokens},
            .end_tokens = {},
            .cancel = client.cancel,
            .channel = client.channel},
        GenerationLimits{.vocabulary = CountingModel::kVocabulary,
                         .context_length = 4000,
                         .cache_positions = 4000},
        Generation::Clock::now(), std::vector<std::int32_t>{number}));
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
  // Each step is a slice and a token of the answer.
  steps(kLayers);
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
