// The published settings, tried one after the other.
// SPDX-License-Identifier: Apache-2.0
#include "convert/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <vector>

#include "io/weight_source.h"

namespace abstractllm::convert {
namespace {

// What all of them have.
constexpr double kLow = 1;
constexpr double kHigh = 4;
// Factors are stored in float32.
constexpr double kTolerance = 1e-4;

// The divisor of a frequency.
double divisor(double frequency, double factor, double original) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < original / kHigh) return 1;
  if (wavelength > original / kLow) return factor;
  const double smooth = (original / wavelength - kLow) / (kHigh - kLow);
  return 1 / ((1 - smooth) / factor + smooth);
}

bool gives(const std::vector<float>& factors, double theta, double factor,
           double original) {
  const double dims = 2.0 * static_cast<double>(factors.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double frequency = std::pow(theta, -2.0 * double(i) / dims);
    const double want = divisor(frequency, factor, original);
    if (!(std::abs(factors[i] - want) <= kTolerance * want)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> llama3_scaling(const io::WeightSource& weights) {
  const auto factors = weights.find_vector("rope_freqs.weight");
  if (!factors || factors->empty()) return std::nullopt;
  const double theta =
      weights.config().find_number("rope_theta").value_or(10000);
  const double factor = *std::max_element(factors->begin(), factors->end());
  for (int original = 16; original <= 1 << 20; original *= 2) {
    if (!gives(*factors, theta, factor, original)) continue;
    return nlohmann::json{{"rope_type", "llama3"},
                          {"factor", factor},
                          {"low_freq_factor", kLow},
                          {"high_freq_factor", kHigh},
                          {"original_max_position_embeddings", original}}
        .dump();
  }
  return std::nullopt;
}

}  // namespace abstractllm::convert
