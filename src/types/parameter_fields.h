// The one table of generation parameters: name, member, range.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "abstractllm/parameters.h"

namespace abstractllm::types {

/// Numbers that a field, or each element of it, may hold. NaN is in no range.
struct Range {
  double low = std::numeric_limits<double>::lowest();
  double high = std::numeric_limits<double>::max();
  bool excludes_low = false;
  std::string_view text;  ///< as a sentence about the field would name it

  constexpr bool contains(double value) const {
    return value >= low && value <= high && !(excludes_low && value == low);
  }
};

template <typename T>
struct Field {
  using Value = T;
  std::string_view name;
  std::optional<T> GenerationParameters::*member;
  Range range;
};

inline constexpr double kMaxInt = std::numeric_limits<int>::max();
inline constexpr Range kAnyRange{};
inline constexpr Range kCountRange{0, kMaxInt, false, "an integer from 0 up"};
inline constexpr Range kShareRange{0, 1, true, "a number in (0, 1]"};
inline constexpr Range kPenaltyRange{-2, 2, false, "a number in [-2, 2]"};
inline constexpr Range kTemperatureRange{0, 2, false, "a number in [0, 2]"};

/// Where clamp_parameters moves a temperature to.
inline constexpr double kClampedTemperatureLow = 0.01;
inline constexpr double kClampedTemperatureHigh = 2.0;

inline constexpr std::size_t kMaxStopTexts = 16;

/// Every field of GenerationParameters, in declaration order. Whatever is done
/// to all of them walks this table.
inline constexpr auto kFields = [] {
  using P = GenerationParameters;
  return std::tuple{
      Field<double>{"temperature", &P::temperature, kTemperatureRange},
      Field<int>{"top_k", &P::top_k, kCountRange},
      Field<double>{"top_p", &P::top_p, kShareRange},
      Field<double>{"min_p", &P::min_p, {0, 1, false, "a number in [0, 1]"}},
      Field<double>{"typical_p", &P::typical_p, kShareRange},
      Field<double>{"repetition_penalty",
                    &P::repetition_penalty,
                    {0, 10, true, "a number in (0, 10]"}},
      Field<double>{"presence_penalty", &P::presence_penalty, kPenaltyRange},
      Field<double>{"frequency_penalty", &P::frequency_penalty, kPenaltyRange},
      Field<int>{"repetition_window", &P::repetition_window, kCountRange},
      Field<std::map<std::int32_t, double>>{
          "logit_bias",
          &P::logit_bias,
          {-100, 100, false, "token ids to numbers in [-100, 100]"}},
      Field<std::uint64_t>{"seed",
                           &P::seed,
                           {0, 18446744073709551615.0, false,
                            "an integer from 0 to 18446744073709551615"}},
      Field<std::vector<std::string>>{
          "stop",
          &P::stop,
          {0, 0, false, "at most 16 texts of UTF-8, none of them empty"}},
      Field<std::vector<std::int32_t>>{
          "stop_token_ids",
          &P::stop_token_ids,
          {0, kMaxInt, false, "token ids, integers from 0 up"}},
      Field<int>{"max_tokens",
                 &P::max_tokens,
                 {1, kMaxInt, false, "an integer from 1 up"}},
      Field<int>{"min_tokens", &P::min_tokens, kCountRange},
      Field<bool>{"ignore_eos", &P::ignore_eos, {0, 1, false, "true or false"}},
      Field<bool>{"logprobs", &P::logprobs, {0, 1, false, "true or false"}},
      Field<int>{"top_logprobs",
                 &P::top_logprobs,
                 {0, 20, false, "an integer in [0, 20]"}},
      Field<bool>{"clamp_parameters",
                  &P::clamp_parameters,
                  {0, 1, false, "true or false"}},
  };
}();

/// Calls `visit(field)` for each field in declaration order.
template <typename Visitor>
constexpr void for_each_field(Visitor&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kFields);
}

/// Calls `visit` for the field called `name`; false if there is none.
template <typename Visitor>
bool visit_field(std::string_view name, Visitor&& visit) {
  bool found = false;
  for_each_field([&](const auto& field) {
    if (field.name != name) return;
    found = true;
    visit(field);
  });
  return found;
}

/// Resolves the aliases of max_tokens; any other name is returned as it is.
std::string_view canonical_name(std::string_view name);

/// Throws InvalidParameterError for the field `name`: `shown` is the refused
/// value in words, `allowed` what the field takes.
[[noreturn]] void throw_bad_value(std::string_view name, std::string_view shown,
                                  std::string_view allowed);

/// Throws InvalidParameterError for a name that no field has.
[[noreturn]] void throw_unknown_name(std::string_view name);

/// Throws InvalidParameterError if the value that `field` has in `parameters`
/// is out of range. clamp_parameters lets any finite temperature pass.
template <typename T>
void check_field(const Field<T>& field, const GenerationParameters& parameters);

extern template void check_field(const Field<double>&,
                                 const GenerationParameters&);
extern template void check_field(const Field<int>&,
                                 const GenerationParameters&);
extern template void check_field(const Field<bool>&,
                                 const GenerationParameters&);
extern template void check_field(const Field<std::uint64_t>&,
                                 const GenerationParameters&);
extern template void check_field(const Field<std::map<std::int32_t, double>>&,
                                 const GenerationParameters&);
extern template void check_field(const Field<std::vector<std::string>>&,
                                 const GenerationParameters&);
extern template void check_field(const Field<std::vector<std::int32_t>>&,
                                 const GenerationParameters&);

}  // namespace abstractllm::types
