// SPDX-License-Identifier: Apache-2.0
#include "engine/embedding_pooling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "abstractllm/error.h"

namespace abstractllm::engine {
namespace {

using families::DenseActivation;
using families::DenseProjection;
using families::EmbeddingRecipe;
using families::PoolingMode;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;
using Vector = std::vector<float>;

EmbeddingRecipe recipe_of(std::vector<PoolingMode> modes) {
  EmbeddingRecipe recipe;
  recipe.pooling = std::move(modes);
  return recipe;
}

Vector pool(const EmbeddingRecipe& recipe, int skipped = 0) {
  Pooling pooling(recipe, 2, skipped);
  for (const Vector& row : {Vector{1, -2}, Vector{3, 4}, Vector{-1, 7}}) {
    pooling.add(row);
  }
  return pooling.pooled();
}

TEST(Pooling, KeepsWhatEachModeSays) {
  using enum PoolingMode;
  EXPECT_THAT(pool(recipe_of({kCls})), ElementsAre(1, -2));
  EXPECT_THAT(pool(recipe_of({kLastToken})), ElementsAre(-1, 7));
  EXPECT_THAT(pool(recipe_of({kMax})), ElementsAre(3, 7));
  EXPECT_THAT(pool(recipe_of({kMean})), ElementsAre(1, 3));
  EXPECT_THAT(pool(recipe_of({kMeanSqrtLength})),
              Pointwise(FloatNear(1e-6f),
                        Vector{3 / std::sqrt(3.0f), 9 / std::sqrt(3.0f)}));
  // (1 * 1 + 2 * 3 - 3 * 1) / 6 and (-2 + 8 + 21) / 6
  EXPECT_THAT(pool(recipe_of({kWeightedMean})),
              Pointwise(FloatNear(1e-6f), Vector{4.0f / 6, 27.0f / 6}));
}

TEST(Pooling, JoinsSeveralModesInOrder) {
  EXPECT_THAT(pool(recipe_of({PoolingMode::kMean, PoolingMode::kCls})),
              ElementsAre(1, 3, 1, -2));
}

TEST(Pooling, LeavesOutTheTokensOfAPrompt) {
  using enum PoolingMode;
  EXPECT_THAT(pool(recipe_of({kMean}), 1), ElementsAre(1, 5.5f));
  EXPECT_THAT(pool(recipe_of({kCls}), 1), ElementsAre(3, 4));
  EXPECT_THAT(pool(recipe_of({kMax}), 2), ElementsAre(-1, 7));
  // Weights stay those of the positions: (2 * 3 - 3) / 5, (8 + 21) / 5.
  EXPECT_THAT(pool(recipe_of({kWeightedMean}), 1),
              Pointwise(FloatNear(1e-6f), Vector{0.6f, 5.8f}));
}

TEST(FinishEmbedding, GivesLengthOneAlsoBehindACut) {
  const EmbeddingRecipe recipe = recipe_of({PoolingMode::kMean});
  EXPECT_THAT(
      finish_embedding(recipe, {3, 4, 12}, {}),
      Pointwise(FloatNear(1e-6f), Vector{3 / 13.f, 4 / 13.f, 12 / 13.f}));
  EXPECT_THAT(finish_embedding(recipe, {3, 4, 12}, 2),
              Pointwise(FloatNear(1e-6f), Vector{0.6f, 0.8f}));
  EXPECT_THAT(finish_embedding(recipe, {0, 0}, {}), ElementsAre(0, 0));
}

TEST(FinishEmbedding, CutsAsTheModelSaysUnlessAsked) {
  EmbeddingRecipe recipe = recipe_of({PoolingMode::kMean});
  recipe.dimensions = 2;
  EXPECT_EQ(finish_embedding(recipe, {3, 4, 12}, {}).size(), 2u);
  EXPECT_EQ(finish_embedding(recipe, {3, 4, 12}, 3).size(), 3u);
  EXPECT_EQ(finish_embedding(recipe, {3}, {}).size(), 1u);
}

TEST(FinishEmbedding, RefusesMoreDimensionsThanThereAre) {
  const EmbeddingRecipe recipe = recipe_of({PoolingMode::kMean});
  EXPECT_THROW(finish_embedding(recipe, {1, 2}, 3), InvalidRequestError);
  EXPECT_THROW(finish_embedding(recipe, {1, 2}, 0), InvalidRequestError);
}

TEST(FinishEmbedding, RefusesWhatIsNoNumber) {
  const EmbeddingRecipe recipe = recipe_of({PoolingMode::kMean});
  EXPECT_THROW(finish_embedding(recipe, {1, NAN}, {}), GenerationError);
  EXPECT_THROW(finish_embedding(recipe, {INFINITY, 1}, {}), GenerationError);
}

TEST(FinishEmbedding, ProjectsWithBiasActivationAndResidual) {
  EmbeddingRecipe recipe = recipe_of({PoolingMode::kMean});
  DenseProjection dense{.inputs = 2,
                        .outputs = 2,
                        .weight = {1, 0, 0, -1},
                        .bias = {2, 0},
                        .activation = DenseActivation::kRelu,
                        .adds_input = true,
                        .residual = {}};
  recipe.steps = {dense};
  EXPECT_EQ(embedding_size(recipe, 64), 2);
  // relu(1 + 2) + 1, relu(-3) + 3
  EXPECT_THAT(finish_embedding(recipe, {1, 3}, {}),
              Pointwise(FloatNear(1e-6f), Vector{0.8f, 0.6f}));
  dense.residual = {0, 0, 0, 1};
  recipe.steps = {dense};
  EXPECT_THAT(finish_embedding(recipe, {1, 3}, {}),
              Pointwise(FloatNear(1e-5f), Vector{0.70710678f, 0.70710678f}));
  EXPECT_THROW(finish_embedding(recipe, {1, 2, 3}, {}), ModelLoadingError);
}

}  // namespace
}  // namespace abstractllm::engine
