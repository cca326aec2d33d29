// What rounding activations costs: KL divergence from float32 and
// perplexity, on text of the model's own and, where it has been fetched, on
// English with the default model.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/backend_choice.h"
#include "engine/model_package.h"
#include "golden/wide_model.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "models/registry.h"
#include "models/sequence.h"
#include "support/source_folder.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

namespace fs = std::filesystem;
using ops::cpu::Precision;
using Ids = std::vector<std::int32_t>;
/// Log-probabilities of all tokens at each position.
using Rows = std::vector<std::vector<double>>;

struct Bounds {
  double divergence;  ///< mean over the positions, in nats
  double perplexity;  ///< change of its logarithm, either way
};

/// What auto gives all rows of small models, and the answers of all.
constexpr Bounds kPair = {5e-4, 1e-3};
/// 8 bits, on English: 0.5 % of perplexity.
constexpr Bounds kInt8 = {0.005, 0.005};
/// 8 bits where weights are bf16 or f16: values do not share scales.
constexpr Bounds kInt8Dense = {0.002, 0.005};
/// 8 bits in fixtures, which are 64 wide and have logits spread for mistakes to
/// show: sums of so few terms average little of the error out, and auto never
/// chooses 8 bits for them.
constexpr Bounds kInt8Narrow = {0.01, 0.02};

class Loaded {
 public:
  /// Without a precision that which `auto` takes for the model's width.
  Loaded(const io::WeightSource& weights, std::optional<Precision> precision)
      : model_(models::make_model(
            {weights.config(), weights,
             engine::choose_backend({.cpu_precision = precision, .threads = 2},
                                    engine::hidden_size(weights.config())),
             nullptr})) {}

  /// As a prompt in two chunks.
  Rows log_probabilities(const Ids& ids) const {
    models::Sequence sequence(*model_);
    sequence.reuse(ids);
    const std::span all(ids);
    Rows rows;
    for (const auto& part :
         {all.first(ids.size() / 2), all.subspan(ids.size() / 2)}) {
      append(sequence, part, rows);
    }
    return rows;
  }

  /// Tokens drawn from the model, the same ones in every run.
  Ids text(std::size_t count) const {
    models::Sequence sequence(*model_);
    Ids ids = {3};
    std::uint32_t state = 12345;
    while (ids.size() < count) {
      Rows rows;
      append(sequence, std::span(ids).last(1), rows);
      state = state * 1664525u + 1013904223u;
      double left = state / 4294967296.0;
      const std::vector<double>& row = rows.back();
      std::size_t next = 0;
      while (next + 1 < row.size() && (left -= std::exp(row[next])) > 0) ++next;
      ids.push_back(static_cast<std::int32_t>(next));
    }
    return ids;
  }

 private:
  void append(models::Sequence& sequence, std::span<const std::int32_t> ids,
              Rows& rows) const {
    const mlx::core::array logits = model_->logits(sequence.advance(ids));
    sequence.evaluate({logits});
    const auto width = static_cast<std::size_t>(logits.shape(1));
    const float* data = logits.data<float>();
    for (int i = 0; i < logits.shape(0); ++i, data += width) {
      const double top = *std::max_element(data, data + width);
      double sum = 0;
      for (std::size_t j = 0; j < width; ++j) sum += std::exp(data[j] - top);
      std::vector<double>& row = rows.emplace_back(data, data + width);
      for (double& value : row) value -= top + std::log(sum);
    }
  }

  std::unique_ptr<models::Model> model_;
};

double mean_divergence(const Rows& truth, const Rows& rounded) {
  double sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (std::size_t j = 0; j < truth[i].size(); ++j) {
      sum += std::exp(truth[i][j]) * (truth[i][j] - rounded[i][j]);
    }
  }
  return sum / static_cast<double>(truth.size());
}

double log_perplexity(const Rows& rows, const Ids& ids) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    sum -= rows[i][static_cast<std::size_t>(ids[i + 1])];
  }
  return sum / static_cast<double>(ids.size() - 1);
}

void expect_bounds(const io::WeightSource& weights, const Rows& truth,
                   const Ids& ids, std::optional<Precision> precision,
                   Bounds bounds) {
  const Rows rounded = Loaded(weights, precision).log_probabilities(ids);
  const double divergence = mean_divergence(truth, rounded);
  const double change =
      log_perplexity(rounded, ids) - log_perplexity(truth, ids);
  EXPECT_LE(divergence, bounds.divergence);
  EXPECT_GE(divergence, 0);  // of equal rows, or these are no probabilities
  EXPECT_LE(std::fabs(change), bounds.perplexity);
}

struct Case {
  const char* fixture;
  Bounds int8;
};

class LossyPath : public ::testing::TestWithParam<Case> {};

TEST_P(LossyPath, StaysNearFloat32OnTextOfTheModel) {
  const fs::path folder =
      fs::path(ABSTRACTLLM_TEST_DATA) / "fixtures" / GetParam().fixture;
  const fs::path file = folder / "model.gguf";
  const auto weights = io::WeightSource::open(
      io::ModelFiles::at(fs::exists(file) ? file : folder));
  const Loaded exact(weights, Precision::kExact);
  const Ids ids = exact.text(160);
  const Rows truth = exact.log_probabilities(ids);
  expect_bounds(weights, truth, ids, Precision::kInt8Pair, kPair);
  expect_bounds(weights, truth, ids, Precision::kInt8, GetParam().int8);
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, LossyPath,
    ::testing::Values(Case{"text/llama3", kInt8Dense},
                      Case{"text/qwen3", kInt8Dense},
                      Case{"text/mistral", kInt8Dense},
                      Case{"quant/llama3-4bit", kInt8Narrow},
                      Case{"quant/qwen3-8bit", kInt8Narrow},
                      Case{"gguf/llama3-q4_0", kInt8Narrow},
                      Case{"gguf/llama-q4_k_m", kInt8Narrow},
                      Case{"gguf/qwen2-q8_0", kInt8Narrow}),
    [](const ::testing::TestParamInfo<Case>& info) {
      std::string name = info.param.fixture;
      std::replace_if(
          name.begin(), name.end(),
          [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

struct WideCase {
  const char* name;
  golden::WideKind kind;
  bool quantised;
};

class LossyPathOfWideModels : public ::testing::TestWithParam<WideCase> {};

// Where auto rounds the activations of prompts, and attention to bf16.
TEST_P(LossyPathOfWideModels, StaysNearFloat32AsAutoChooses) {
  const test::TemporaryFolder folder;
  golden::write_wide_model(folder.path(), GetParam().kind,
                           GetParam().quantised);
  const auto weights =
      io::WeightSource::open(io::ModelFiles::at(folder.path()));
  const Loaded exact(weights, Precision::kExact);
  // Enough for what single tokens gain and lose to even out.
  const Ids ids = exact.text(256);
  const Rows truth = exact.log_probabilities(ids);
  expect_bounds(weights, truth, ids, std::nullopt, kInt8);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, LossyPathOfWideModels,
    ::testing::Values(
        WideCase{"dense_bf16", golden::WideKind::kDense, false},
        WideCase{"dense_4bit", golden::WideKind::kDense, true},
        WideCase{"windowed_bf16", golden::WideKind::kWindowed, false},
        WideCase{"windowed_4bit", golden::WideKind::kWindowed, true},
        WideCase{"mixture_bf16", golden::WideKind::kMixture, false},
        WideCase{"mixture_4bit", golden::WideKind::kMixture, true}),
    [](const ::testing::TestParamInfo<WideCase>& info) {
      return info.param.name;
    });

#if defined(DEFAULT_MODEL)
TEST(LossyPathOfTheDefaultModel, StaysNearFloat32OnEnglish) {
  const auto package = engine::ModelPackage::open(DEFAULT_MODEL);
  std::ifstream stream(abstractllm::test::source_folder() / "CONTRIBUTING.md");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  Ids ids = package.tokenizer.encode(text, /* add_special_tokens = */ false);
  ASSERT_GT(ids.size(), 160u);
  ids.resize(160);
  const Rows truth =
      Loaded(package.weights, Precision::kExact).log_probabilities(ids);
  expect_bounds(package.weights, truth, ids, Precision::kInt8Pair, kPair);
  expect_bounds(package.weights, truth, ids, Precision::kInt8, kInt8);
}
#endif

}  // namespace
}  // namespace abstractllm
