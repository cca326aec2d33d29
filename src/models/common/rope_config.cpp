// Inverse frequencies of the published rope scalings.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/rope_config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

std::vector<double> base_frequencies(double theta, int dims) {
  std::vector<double> frequencies(static_cast<std::size_t>((dims + 1) / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / dims);
  }
  return frequencies;
}

// The length before scaling. As in transformers, one beside the scaling comes
// before the scaling's own, and the context stands in for both.
double original_length(const io::JsonConfig& config,
                       const io::JsonConfig& scaling) {
  const char* field = "original_max_position_embeddings";
  if (config.has(field)) return config.require_number(field);
  if (scaling.has(field)) return scaling.require_number(field);
  return config.require_number("max_position_embeddings");
}

// Llama 3.1: long wavelengths are divided by `factor`, short ones kept, those
// between blended.
void scale_llama3(const io::JsonConfig& config, const io::JsonConfig& scaling,
                  std::vector<double>& frequencies) {
  const double factor = scaling.require_number("factor");
  const double low = scaling.require_number("low_freq_factor");
  const double high = scaling.require_number("high_freq_factor");
  const double original = original_length(config, scaling);
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
  const double original = original_length(config, scaling);
  const double factor =
      scaling.is_null("factor")
          ? config.require_number("max_position_embeddings") / original
          : scaling.require_number("factor");
  const double fast = scaling.find_number("beta_fast").value_or(32);
  const double slow = scaling.find_number("beta_slow").value_or(1);
  const bool truncate = flag_or(scaling, "truncate", true);
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
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp =
        std::clamp((static_cast<double>(i) - first) / (last - first), 0.0, 1.0);
    frequencies[i] =
        frequencies[i] / factor * ramp + frequencies[i] * (1 - ramp);
  }
  return static_cast<float>(yarn_amplitude(scaling, factor));
}

std::vector<float> divide(const std::vector<double>& frequencies,
                          const std::vector<double>& factors,
                          const char* field) {
  if (factors.size() != frequencies.size()) {
    throw ModelLoadingError("[config] " + std::string(field) + " has " +
                            std::to_string(factors.size()) +
                            " values, expected " +
                            std::to_string(frequencies.size()));
  }
  std::vector<float> divided(factors.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (!(factors[i] > 0)) {
      throw ModelLoadingError("[config] " + std::string(field) + " holds " +
                              std::to_string(factors[i]) +
                              ", expected positive numbers");
    }
    divided[i] = static_cast<float>(frequencies[i] / factors[i]);
  }
  return divided;
}

// longrope, arXiv:2402.13753: one set of factors up to the original context,
// another beyond it.
void scale_longrope(const io::JsonConfig& config, const io::JsonConfig& scaling,
                    const std::vector<double>& frequencies,
                    ops::RopeTable& table) {
  const double original = original_length(config, scaling);
  const double longest =
      config.find_number("max_position_embeddings").value_or(original);
  const double factor =
      scaling.find_number("factor").value_or(longest / original);
  const double amplitude =
      factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
  table.amplitude = static_cast<float>(
      scaling.find_number("attention_factor").value_or(amplitude));
  auto beyond = std::make_shared<ops::RopeTable>(table);
  // Phi 3.5 MoE has an amplitude for each side of the border.
  const auto amplitude_of = [&](const char* name, ops::RopeTable& side) {
    const auto own = scaling.find_number(name);
    if (own) side.amplitude = static_cast<float>(*own);
  };
  amplitude_of("short_mscale", table);
  amplitude_of("long_mscale", *beyond);
  const auto factors = [&](const char* name) {
    return divide(frequencies,
                  scaling.find_numbers(name).value_or(std::vector<double>{}),
                  name);
  };
  table.inverse_frequencies = factors("short_factor");
  beyond->inverse_frequencies = factors("long_factor");
  table.beyond = std::move(beyond);
  table.border = static_cast<int>(original);
}

// Without an alpha the base grows with sequences that are longer than
// max_position_embeddings.
void grow_beyond_length(const io::JsonConfig& config,
                        const io::JsonConfig& parameters, double theta,
                        int dims, ops::RopeTable& table) {
  const auto longest = config.find_int("max_position_embeddings").value_or(0);
  const auto factor = parameters.find_number("factor");
  if (parameters.has("alpha") || !factor || dims <= 2 || longest < 1 ||
      longest > std::numeric_limits<int>::max()) {
    return;
  }
  table.growth = ops::RopeGrowth{theta, *factor, dims};
  table.border = static_cast<int>(longest);
}

// Hunyuan raises the base by a fixed `alpha`.
double dynamic_theta(const io::JsonConfig& parameters, double theta, int dims) {
  const auto alpha = parameters.find_number("alpha");
  if (!alpha || dims <= 2) return theta;
  return theta * std::pow(*alpha, dims / (dims - 2.0));
}

// Gemma 4: the lowest frequencies of a whole head do not turn.
void scale_proportionally(const io::JsonConfig& parameters, int dims,
                          std::vector<double>& frequencies) {
  const double share =
      parameters.find_number("partial_rotary_factor").value_or(1.0);
  if (!(share >= 0 && share <= 1)) {
    throw ModelLoadingError("[config] partial_rotary_factor is " +
                            std::to_string(share) + ", expected 0 to 1");
  }
  const double factor = parameters.find_number("factor").value_or(1.0);
  const auto turning = static_cast<std::size_t>(share * dims / 2);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = i < turning ? frequencies[i] / factor : 0.0;
  }
}

std::string scaling_type(const io::JsonConfig& scaling) {
  if (auto type = scaling.find_string("rope_type")) return *type;
  return scaling.find_string("type").value_or("default");
}

// Which axis turns each pair: whole sections one after the other (Qwen2-VL), or
// taking turns as long as they last (Qwen3-VL).
std::vector<std::uint8_t> read_axes(const io::JsonConfig& scaling,
                                    std::size_t pairs) {
  const auto sections = scaling.find_ints("mrope_section");
  if (!sections) return {};
  const auto wrong = [&] {
    return ModelLoadingError("[config] mrope_section does not divide the " +
                             std::to_string(pairs) +
                             " pairs of a head into time, height and width");
  };
  if (sections->size() != ops::kRopeAxes) throw wrong();
  std::vector<std::uint8_t> axes;
  for (std::uint8_t axis = 0; axis < ops::kRopeAxes; ++axis) {
    const std::int64_t count = (*sections)[axis];
    if (count < 0 || static_cast<std::size_t>(count) > pairs) throw wrong();
    axes.insert(axes.end(), static_cast<std::size_t>(count), axis);
  }
  if (axes.size() != pairs) throw wrong();
  if (scaling.find_bool("mrope_interleaved").value_or(false)) {
    for (std::size_t i = 0; i < pairs; ++i) {
      const auto axis = static_cast<std::uint8_t>(i % ops::kRopeAxes);
      const auto limit =
          static_cast<std::size_t>(ops::kRopeAxes * (*sections)[axis]);
      axes[i] = i < limit ? axis : 0;
    }
  }
  return axes;
}

}  // namespace

ops::RopeTable plain_rope(const RopeDefaults& defaults) {
  const std::vector<double> frequencies =
      base_frequencies(defaults.theta, defaults.dims);
  ops::RopeTable table;
  table.dims = defaults.dims + defaults.dims % 2;
  table.interleaved = defaults.interleaved;
  table.inverse_frequencies.assign(frequencies.begin(), frequencies.end());
  return table;
}

ops::RopeTable read_rope_parameters(const io::JsonConfig& config,
                                    const io::JsonConfig& parameters,
                                    const RopeDefaults& defaults) {
  double theta = parameters.find_number("rope_theta").value_or(defaults.theta);
  const std::string type = scaling_type(parameters);
  if (type == "dynamic")
    theta = dynamic_theta(parameters, theta, defaults.dims);
  ops::RopeTable table = plain_rope(defaults);
  table.axes = read_axes(parameters, table.inverse_frequencies.size());
  std::vector<double> frequencies = base_frequencies(theta, defaults.dims);
  if (type == "linear") {
    const double factor = parameters.require_number("factor");
    for (double& frequency : frequencies) frequency /= factor;
  } else if (type == "llama3") {
    scale_llama3(config, parameters, frequencies);
  } else if (type == "proportional") {
    scale_proportionally(parameters, table.dims, frequencies);
  } else if (type == "yarn") {
    table.amplitude =
        scale_yarn(config, parameters, theta, defaults.dims, frequencies);
  } else if (type == "longrope" || type == "su") {
    scale_longrope(config, parameters, frequencies, table);
    return table;
  } else if (type == "dynamic") {
    grow_beyond_length(config, parameters, theta, defaults.dims, table);
  } else if (type != "default" && type != "mrope") {
    throw ModelLoadingError(
        "[config] rope scaling '" + type + "' is not supported",
        "Supported: default, dynamic, linear, llama3, longrope, proportional, "
        "yarn.");
  }
  table.inverse_frequencies.assign(frequencies.begin(), frequencies.end());
  return table;
}

std::optional<ops::RopeTable> find_layer_rope(const io::JsonConfig& config,
                                              const char* kind,
                                              const RopeDefaults& defaults) {
  const auto parameters = config.find_object("rope_parameters");
  if (!parameters || !parameters->is_object(kind)) return std::nullopt;
  return read_rope_parameters(config, parameters->require_object(kind),
                              defaults);
}

std::optional<io::JsonConfig> find_rope_scaling(const io::JsonConfig& config) {
  auto scaling = config.find_object("rope_scaling");
  if (scaling && !scaling->keys().empty()) return scaling;
  auto parameters = config.find_object("rope_parameters");
  return parameters ? parameters : scaling;
}

bool is_proportional_rope(const io::JsonConfig& config) {
  const auto scaling = find_rope_scaling(config);
  return scaling && scaling_type(*scaling) == "proportional";
}

io::JsonConfig with_default_rope_scaling(const io::JsonConfig& config,
                                         const char* scaling) {
  if (config.has("rope_parameters") || config.has("rope_scaling")) {
    return config;
  }
  return config.with_field("rope_scaling", scaling);
}

ops::RopeTable read_rope(const io::JsonConfig& config,
                         const RopeDefaults& defaults) {
  RopeDefaults own = defaults;
  own.theta = config.find_number("rope_theta").value_or(defaults.theta);
  const std::optional<io::JsonConfig> scaling = find_rope_scaling(config);
  return scaling ? read_rope_parameters(config, *scaling, own)
                 : plain_rope(own);
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
