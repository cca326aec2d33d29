// Layering and range checks of generation parameters.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/parameters.h"

#include <fmt/format.h>

#include <cmath>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "base/utf8.h"
#include "types/parameter_fields.h"

namespace abstractllm {
namespace types {
namespace {

// Long enough to recognise a value, short enough for one line.
constexpr std::size_t kShownCharacters = 64;

template <typename Number>
void check_number(std::string_view name, Number value, const Range& range) {
  if (!range.contains(static_cast<double>(value))) {
    throw_bad_value(name, fmt::format("{}", value), range.text);
  }
}

}  // namespace

std::string_view canonical_name(std::string_view name) {
  if (name == "max_output_tokens" || name == "max_completion_tokens") {
    return "max_tokens";
  }
  return name;
}

void throw_bad_value(std::string_view name, std::string_view shown,
                     std::string_view allowed) {
  const bool is_long = shown.size() > kShownCharacters;
  throw InvalidParameterError(
      fmt::format("[parameters] {} must be {}, not {}{}", name, allowed,
                  shown.substr(0, kShownCharacters), is_long ? "..." : ""),
      fmt::format("Give {} {}, or leave it out.", name, allowed));
}

void throw_unknown_name(std::string_view name) {
  const auto& known = parameter_names();
  const std::string_view nearest = base::nearest_name(name, known);
  std::string hint;
  if (!nearest.empty()) hint = fmt::format("Did you mean {}? ", nearest);
  hint += "Known parameters: " + base::join_names(known) + ".";
  const bool is_long = name.size() > kShownCharacters;
  throw InvalidParameterError(
      fmt::format("[parameters] unknown parameter '{}{}'",
                  name.substr(0, kShownCharacters), is_long ? "..." : ""),
      hint);
}

template <typename T>
void check_field(const Field<T>& field,
                 const GenerationParameters& parameters) {
  const std::optional<T>& value = parameters.*field.member;
  if (!value) return;
  if constexpr (std::is_same_v<T, double>) {
    const bool clamps = field.name == "temperature" &&
                        parameters.clamp_parameters.value_or(false) &&
                        std::isfinite(*value);
    if (!clamps) check_number(field.name, *value, field.range);
  } else if constexpr (std::is_same_v<T, std::map<std::int32_t, double>>) {
    for (const auto& [id, bias] : *value) {
      if (id < 0 || !field.range.contains(bias)) {
        throw_bad_value(field.name, fmt::format("{} for token {}", bias, id),
                        field.range.text);
      }
    }
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    if (value->size() > kMaxStopTexts) {
      throw_bad_value(field.name, fmt::format("{} texts", value->size()),
                      field.range.text);
    }
    for (const std::string& text : *value) {
      if (text.empty()) {
        throw_bad_value(field.name, "an empty text", field.range.text);
      }
      if (!base::is_valid_utf8(text)) {
        throw_bad_value(field.name, "a text that is not UTF-8",
                        field.range.text);
      }
    }
  } else if constexpr (std::is_same_v<T, std::vector<std::int32_t>>) {
    for (const std::int32_t id : *value) {
      check_number(field.name, id, field.range);
    }
  } else {
    check_number(field.name, *value, field.range);
  }
}

template void check_field(const Field<double>&, const GenerationParameters&);
template void check_field(const Field<int>&, const GenerationParameters&);
template void check_field(const Field<bool>&, const GenerationParameters&);
template void check_field(const Field<std::uint64_t>&,
                          const GenerationParameters&);
template void check_field(const Field<std::map<std::int32_t, double>>&,
                          const GenerationParameters&);
template void check_field(const Field<std::vector<std::string>>&,
                          const GenerationParameters&);
template void check_field(const Field<std::vector<std::int32_t>>&,
                          const GenerationParameters&);

}  // namespace types

GenerationParameters overlay(const GenerationParameters& upper,
                             const GenerationParameters& lower) {
  GenerationParameters merged = upper;
  types::for_each_field([&](const auto& field) {
    if (!(merged.*field.member)) merged.*field.member = lower.*field.member;
  });
  return merged;
}

void validate(const GenerationParameters& parameters) {
  types::for_each_field(
      [&](const auto& field) { types::check_field(field, parameters); });
  if (parameters.min_tokens && parameters.max_tokens &&
      *parameters.min_tokens > *parameters.max_tokens) {
    types::throw_bad_value(
        "min_tokens", fmt::format("{}", *parameters.min_tokens),
        fmt::format("at most max_tokens, {}", *parameters.max_tokens));
  }
  if (parameters.top_logprobs.value_or(0) > 0 &&
      !parameters.logprobs.value_or(true)) {
    types::throw_bad_value("top_logprobs",
                           fmt::format("{}", *parameters.top_logprobs),
                           "0 where logprobs is false");
  }
}

const std::vector<std::string_view>& parameter_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    types::for_each_field(
        [&](const auto& field) { list.push_back(field.name); });
    return list;
  }();
  return names;
}

}  // namespace abstractllm
