// Norms over groups of values.
// SPDX-License-Identifier: Apache-2.0
#include "ops/norm.h"

#include <gtest/gtest.h>

#include "block_data.h"

namespace abstractllm::ops::testing {
namespace {

constexpr int kRows = 3;
constexpr int kGroups = 4;
constexpr int kSize = 6;
constexpr int kColumns = kGroups * kSize;

Values expected(NormKind kind, const Values& x, const Values& weight,
                const Values& bias) {
  Values y;
  for (int first = 0; first < kRows * kColumns; first += kSize) {
    double mean = 0;
    for (int i = 0; i < kSize; ++i) mean += x[first + i] / kSize;
    if (kind == NormKind::kRms) mean = 0;
    double squares = 0;
    for (int i = 0; i < kSize; ++i) squares += std::pow(x[first + i] - mean, 2);
    const double factor = 1 / std::sqrt(squares / kSize + 1e-3);
    for (int i = 0; i < kSize; ++i) {
      const int column = (first + i) % kColumns;
      y.push_back(
          static_cast<float>((x[first + i] - mean) * factor * weight[column]) +
          (kind == NormKind::kRms ? 0.0f : bias[column]));
    }
  }
  return y;
}

TEST(Norm, NormalisesEachGroupByItself) {
  Random random(19);
  const Values x = random.values(kRows * kColumns);
  const Values weight = random.values(kColumns);
  const Values bias = random.values(kColumns);
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
    const Values want = expected(kind, x, weight, bias);
    for (const Backend& backend : {reference_backend(), cpu_backend()}) {
      Norm norm{.kind = kind,
                .weight = make_vector(backend, weight),
                .bias = std::nullopt,
                .eps = 1e-3f,
                .groups = kGroups,
                .cpu = backend.cpu};
      if (kind == NormKind::kLayer) norm.bias = make_vector(backend, bias);
      EXPECT_LT(distance(to_values(normalise(to_array(x, kRows), norm)), want),
                1e-5f)
          << "backend " << static_cast<int>(backend.kind);
    }
  }
}

}  // namespace
}  // namespace abstractllm::ops::testing
