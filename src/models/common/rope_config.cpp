// Inverse frequencies of the published rope scalings.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/rope_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"

namespace abstractllm::models {

namespace {

std::vector<double> base_frequencies(double theta, int dims) {
  std::vector<double> frequencies(dims / 2);
  for (int i = 0; i < dims / 2; ++i) {
    frequencies[i] = std::pow(theta, -2.0 * i / dims);
  }
  return frequencies;
}

// Llama 3.1: long wavelengths are divided by `factor`, short ones kept, those
// between blended.
void scale_llama3(const io::JsonConfig& scaling,
                  std::vector<double>& frequencies) {
  const double factor = scaling.require_number("factor");
  const double low = scaling.require_number("low_freq_factor");
  const double high = scaling.require_number("high_freq_factor");
  const double original =
      scaling.require_number("original_max_position_embeddings");
  for (double& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / high) continue;
    if (wavelength > original / low) {
      frequency /= factor;
      continue;
    }
    const double smooth = (original / wavelength - low) / (high - low);
    frequency = (1 - smooth) * frequency / factor + smooth * frequency;
  }
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double yarn_amplitude(const io::JsonConfig& scaling, double factor) {
  if (const auto given = scaling.find_number("attention_factor")) return *given;
  const auto mscale = scaling.find_number("mscale");
  const auto all_dims = scaling.find_number("mscale_all_dim");
  if (mscale && all_dims && *mscale != 0 && *all_dims != 0) {
    return yarn_mscale(factor, *mscale) / yarn_mscale(factor, *all_dims);
  }
  return yarn_mscale(factor, 1.0);
}

// YaRN, arXiv:2309.00071: interpolates low frequencies, keeps high ones, with
// a ramp between the dimensions that turn beta_slow and beta_fast times within
// the original context.
float scale_yarn(const io::JsonConfig& config, const io::JsonConfig& scaling,
                 double theta, int dims, std::vector<double>& frequencies) {
  const double original =
      scaling.find_number("original_max_position_embeddings")
          .value_or(config.find_number("max_position_embeddings").value_or(0));
  const double factor = scaling.require_number("factor");
  const double fast = scaling.find_number("beta_fast").value_or(32);
  const double slow = scaling.find_number("beta_slow").value_or(1);
  const bool truncate = scaling.find_bool("truncate").value_or(true);
  const auto dimension_of_turns = [&](double turns) {
    return dims * std::log(original / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(theta));
  };
  double first = dimension_of_turns(fast);
  double last = dimension_of_turns(slow);
  if (truncate) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, dims - 1.0);
  if (first == last) last += 0.001;
  for (int i = 0; i < dims / 2; ++i) {
    const double ramp = std::clamp((i - first) / (last - first), 0.0, 1.0);
    frequencies[i] =
        frequencies[i] / factor * ramp + frequencies[i] * (1 - ramp);
  }
  return static_cast<float>(yarn_amplitude(scaling, factor));
}

std::optional<io::JsonConfig> find_scaling(const io::JsonConfig& config) {
  if (auto parameters = config.find_object("rope_parameters")) {
    return parameters;
  }
  return config.find_object("rope_scaling");
}

std::string scaling_type(const io::JsonConfig& scaling) {
  if (auto type = scaling.find_string("rope_type")) return *type;
  return scaling.find_string("type").value_or("default");
}

}  // namespace

ops::RopeTable read_rope(const io::JsonConfig& config,
                         const RopeDefaults& defaults) {
  const std::optional<io::JsonConfig> scaling = find_scaling(config);
  double theta = config.find_number("rope_theta").value_or(defaults.theta);
  if (scaling) theta = scaling->find_number("rope_theta").value_or(theta);

  ops::RopeTable table;
  table.dims = defaults.dims;
  table.interleaved = defaults.interleaved;
  std::vector<double> frequencies = base_frequencies(theta, table.dims);
  const std::string type = scaling ? scaling_type(*scaling) : "default";
  if (type == "linear") {
    const double factor = scaling->require_number("factor");
    for (double& frequency : frequencies) frequency /= factor;
  } else if (type == "llama3") {
    scale_llama3(*scaling, frequencies);
  } else if (type == "yarn") {
    table.amplitude =
        scale_yarn(config, *scaling, theta, table.dims, frequencies);
  } else if (type != "default") {
    throw ModelLoadingError(
        "[config] rope scaling '" + type + "' is not supported",
        "Supported: default, linear, llama3, yarn.");
  }
  table.inverse_frequencies.assign(frequencies.begin(), frequencies.end());
  return table;
}

void apply_frequency_factors(ops::RopeTable& table,
                             const std::vector<float>& factors) {
  if (factors.size() != table.inverse_frequencies.size()) {
    throw ModelLoadingError("[weights] rope_freqs.weight has " +
                            std::to_string(factors.size()) +
                            " values, expected " +
                            std::to_string(table.inverse_frequencies.size()));
  }
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (!(factors[i] > 0)) {
      throw ModelLoadingError("[weights] rope_freqs.weight holds " +
                              std::to_string(factors[i]) +
                              ", expected a positive number");
    }
    table.inverse_frequencies[i] /= factors[i];
  }
}

}  // namespace abstractllm::models
