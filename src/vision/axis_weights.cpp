// The filters of Pillow (src/libImaging/Resample.c) in its fixed point.
// SPDX-License-Identifier: Apache-2.0
#include "vision/axis_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace abstractllm::vision {
namespace {

constexpr std::int32_t kOne = std::int32_t{1} << AxisWeights::kWeightBits;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (0.54 + 0.46 * std::cos(x));
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double lanczos(double x) {
  return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

struct Kernel {
  double (*value)(double);
  double support;
};

Kernel kernel_of(Filter filter) {
  switch (filter) {
    case Filter::kLanczos:
      return {lanczos, 3.0};
    case Filter::kBicubic:
      return {cubic, 2.0};
    case Filter::kBox:
      return {box, 0.5};
    case Filter::kHamming:
      return {hamming, 1.0};
    case Filter::kBilinear:
    case Filter::kNearest:
      break;
  }
  return {triangle, 1.0};
}

// Pillow steps from sample to sample, and so do its rounding errors.
AxisWeights nearest(int input, int output, int begin, int length) {
  AxisWeights axis;
  axis.taps = 1;
  axis.count.assign(static_cast<std::size_t>(length), 1);
  axis.weights.assign(static_cast<std::size_t>(length), kOne);
  const double step = static_cast<double>(input) / output;
  double position = step * 0.5;
  for (int i = 0; i < begin + length; ++i, position += step) {
    if (i < begin) continue;
    axis.first.push_back(std::min(static_cast<int>(position), input - 1));
  }
  return axis;
}

}  // namespace

AxisWeights AxisWeights::of(Filter filter, int input, int output, int begin,
                            int length) {
  if (filter == Filter::kNearest || input == output) {
    return nearest(input, output, begin, length);
  }
  const Kernel kernel = kernel_of(filter);
  const double scale = static_cast<double>(input) / output;
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;

  AxisWeights axis;
  axis.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  axis.first.resize(static_cast<std::size_t>(length));
  axis.count.resize(static_cast<std::size_t>(length));
  axis.weights.resize(static_cast<std::size_t>(length) *
                      static_cast<std::size_t>(axis.taps));
  std::vector<double> exact(static_cast<std::size_t>(axis.taps));
  for (int i = 0; i < length; ++i) {
    const double center = (begin + i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count =
        std::min(static_cast<int>(center + support + 0.5), input) - first;
    double total = 0.0;
    for (int k = 0; k < count; ++k) {
      const double weight =
          kernel.value((k + first - center + 0.5) * (1.0 / stretch));
      exact[static_cast<std::size_t>(k)] = weight;
      total += weight;
    }
    auto* weights = &axis.weights[static_cast<std::size_t>(i) *
                                  static_cast<std::size_t>(axis.taps)];
    for (int k = 0; k < count; ++k) {
      double weight = exact[static_cast<std::size_t>(k)];
      if (total != 0.0) weight /= total;
      weights[k] =
          static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * kOne);
    }
    axis.first[static_cast<std::size_t>(i)] = first;
    axis.count[static_cast<std::size_t>(i)] = count;
  }
  return axis;
}

}  // namespace abstractllm::vision
