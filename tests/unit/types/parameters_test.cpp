// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "abstractllm/error.h"

namespace abstractllm {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

GenerationParameters every_field() {
  GenerationParameters p;
  p.temperature = 0.25;
  p.top_k = 40;
  p.top_p = 0.9;
  p.min_p = 0.05;
  p.typical_p = 0.95;
  p.repetition_penalty = 1.1;
  p.presence_penalty = -0.5;
  p.frequency_penalty = 0.5;
  p.repetition_window = 20;
  p.logit_bias = {{5, -100.0}, {7, 1.5}};
  p.seed = 18446744073709551615ULL;
  p.stop = {"\n\n", "über"};
  p.stop_token_ids = {2, 32000};
  p.max_tokens = 100;
  p.min_tokens = 3;
  p.ignore_eos = true;
  p.logprobs = true;
  p.top_logprobs = 20;
  p.clamp_parameters = true;
  return p;
}

std::string refusal_of(std::string_view json) {
  try {
    parse_generation_parameters(json);
  } catch (const InvalidParameterError& error) {
    EXPECT_FALSE(error.hint().empty());
    return error.message();
  }
  return "accepted";
}

TEST(GenerationParameters, TableNamesEveryField) {
  // Does not compile when a field is added: its table row is then missing.
  const GenerationParameters all = every_field();
  const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
               f16, f17, f18, f19] = all;
  EXPECT_TRUE(f1 && f2 && f3 && f4 && f5 && f6 && f7 && f8 && f9 && f10 &&
              f11 && f12 && f13 && f14 && f15 && f16 && f17 && f18 && f19);
  EXPECT_EQ(parameter_names().size(), 19U);
  EXPECT_EQ(parameter_names().front(), "temperature");
  EXPECT_EQ(parameter_names().back(), "clamp_parameters");
}

TEST(GenerationParameters, OverlayTakesTheUpperFieldWherePresent) {
  const GenerationParameters all = every_field();
  EXPECT_EQ(overlay(all, {}), all);
  EXPECT_EQ(overlay({}, all), all);
  GenerationParameters upper;
  upper.temperature = 0.0;
  upper.stop = std::vector<std::string>{};
  GenerationParameters expected = all;
  expected.temperature = 0.0;
  expected.stop = std::vector<std::string>{};
  EXPECT_EQ(overlay(upper, all), expected);
}

TEST(GenerationParameters, JsonRoundTripKeepsEveryField) {
  const GenerationParameters all = every_field();
  EXPECT_EQ(parse_generation_parameters(to_json(all)), all);
  EXPECT_EQ(to_json({}), "{}");
  EXPECT_EQ(parse_generation_parameters("{}"), GenerationParameters{});
}

TEST(GenerationParameters, JsonIsWrittenInDeclarationOrder) {
  GenerationParameters p;
  p.max_tokens = 5;
  p.temperature = 0.5;
  p.logit_bias = {{10, 1.0}};
  EXPECT_EQ(to_json(p),
            R"({"temperature":0.5,"logit_bias":{"10":1.0},"max_tokens":5})");
}

TEST(GenerationParameters, ReadsAliasesAndShortForms) {
  EXPECT_EQ(
      parse_generation_parameters(R"({"max_output_tokens": 7})").max_tokens, 7);
  EXPECT_EQ(parse_generation_parameters(R"({"max_completion_tokens": 7.0})")
                .max_tokens,
            7);
  EXPECT_EQ(parse_generation_parameters(R"({"stop": "END"})").stop,
            std::vector<std::string>{"END"});
  EXPECT_EQ(parse_generation_parameters(
                R"({"max_tokens": 7, "max_output_tokens": 7})")
                .max_tokens,
            7);
  EXPECT_THAT(refusal_of(R"({"max_tokens": 7, "max_output_tokens": 8})"),
              HasSubstr("twice"));
}

TEST(GenerationParameters, UnknownFieldNamesTheNearest) {
  try {
    parse_generation_parameters(R"({"temprature": 0.5})");
    FAIL();
  } catch (const InvalidParameterError& error) {
    EXPECT_THAT(error.message(), HasSubstr("temprature"));
    EXPECT_THAT(error.hint(), HasSubstr("Did you mean temperature?"));
    EXPECT_THAT(error.hint(), HasSubstr("clamp_parameters"));
  }
}

TEST(GenerationParameters, RefusesWhatIsNoObject) {
  for (const char* text : {"", "{", "[]", "7", "null", "{\"top_k\": 1e999}",
                           "{\"temperature\": NaN}", "{} {}", "\xff"}) {
    EXPECT_NE(refusal_of(text), "accepted") << text;
  }
}

TEST(GenerationParameters, RefusesWrongTypes) {
  for (const char* text :
       {R"({"top_k": 1.5})", R"({"top_k": 3000000000})", R"({"top_k": true})",
        R"({"top_k": "4"})", R"({"top_p": false})", R"({"seed": -1})",
        R"({"seed": 1e30})", R"({"seed": 18446744073709551616})",
        R"({"stop": 3})", R"({"stop": [3]})", R"({"stop_token_ids": 3})",
        R"({"stop_token_ids": [1.5]})", R"({"logit_bias": [1]})",
        R"({"logit_bias": {"a": 1}})", R"({"logit_bias": {"1": "x"}})",
        R"({"logit_bias": {"1 ": 1}})", R"({"ignore_eos": 1})",
        R"({"logprobs": "true"})", R"({"max_tokens": {}})"}) {
    EXPECT_THAT(refusal_of(text), HasSubstr("must be")) << text;
  }
}

struct Bound {
  const char* name;
  const char* good;
  const char* bad;
};

void PrintTo(const Bound& bound, std::ostream* out) {
  *out << bound.name << ' ' << bound.good << " not " << bound.bad;
}

class EachBound : public ::testing::TestWithParam<Bound> {};

TEST_P(EachBound, IsInclusiveOrNotAsDocumented) {
  const Bound bound = GetParam();
  GenerationParameters p;
  EXPECT_NO_THROW(set_parameter(p, bound.name, bound.good));
  const GenerationParameters before = p;
  EXPECT_THROW(set_parameter(p, bound.name, bound.bad), InvalidParameterError);
  EXPECT_EQ(p, before);
}

INSTANTIATE_TEST_SUITE_P(
    All, EachBound,
    ::testing::Values(
        Bound{"temperature", "0", "-0.001"}, Bound{"temperature", "2", "2.1"},
        Bound{"temperature", "0.01", "nan"}, Bound{"temperature", "1", "inf"},
        Bound{"temperature", "1", "-inf"}, Bound{"temperature", "1", "-1"},
        Bound{"temperature", "1", ""}, Bound{"temperature", "1", "1x"},
        Bound{"temperature", "1", "warm"}, Bound{"top_k", "0", "-1"},
        Bound{"top_k", "1", "1.5"}, Bound{"top_p", "0.001", "0"},
        Bound{"top_p", "1", "1.001"}, Bound{"min_p", "0", "-0.1"},
        Bound{"min_p", "1", "1.1"}, Bound{"typical_p", "0.1", "0"},
        Bound{"typical_p", "1", "1.1"}, Bound{"repetition_penalty", "0.1", "0"},
        Bound{"repetition_penalty", "10", "10.1"},
        Bound{"presence_penalty", "-2", "-2.1"},
        Bound{"presence_penalty", "2", "2.1"},
        Bound{"frequency_penalty", "-2", "-2.1"},
        Bound{"frequency_penalty", "2", "nan"},
        Bound{"repetition_window", "0", "-1"},
        Bound{"logit_bias", "0=-100", "0=-100.1"},
        Bound{"logit_bias", "5=100,6=1", "5=101"},
        Bound{"logit_bias", "5=1", "-5=1"}, Bound{"logit_bias", "5=1", "5"},
        Bound{"logit_bias", "5=1", "5=nan"}, Bound{"seed", "0", "-1"},
        Bound{"seed", "18446744073709551615", "18446744073709551616"},
        Bound{"stop", "a,b", ""}, Bound{"stop", "\xC3\xA9", "\xC3"},
        Bound{"stop_token_ids", "0,2", "-1"},
        Bound{"stop_token_ids", "1", "1,"}, Bound{"max_tokens", "1", "0"},
        Bound{"min_tokens", "0", "-1"}, Bound{"ignore_eos", "true", "yes!"},
        Bound{"logprobs", "off", ""}, Bound{"top_logprobs", "0", "-1"},
        Bound{"top_logprobs", "20", "21"},
        Bound{"clamp_parameters", "on", "2"}));

TEST(SetParameter, SetsEachFieldFromText) {
  GenerationParameters p;
  set_parameter(p, "temperature", "0.2");
  set_parameter(p, "top-k", "5");
  set_parameter(p, "stop", "a,b");
  set_parameter(p, "stop_token_ids", "3,4");
  set_parameter(p, "logit_bias", "1=2.5,3=-4");
  set_parameter(p, "max-output-tokens", "9");
  set_parameter(p, "ignore_eos", "on");
  set_parameter(p, "logprobs", "false");
  EXPECT_EQ(p.temperature, 0.2);
  EXPECT_EQ(p.top_k, 5);
  EXPECT_EQ(p.stop, std::vector<std::string>{"a,b"});
  EXPECT_EQ(p.stop_token_ids, (std::vector<std::int32_t>{3, 4}));
  EXPECT_EQ(p.logit_bias, (std::map<std::int32_t, double>{{1, 2.5}, {3, -4}}));
  EXPECT_EQ(p.max_tokens, 9);
  EXPECT_EQ(p.ignore_eos, true);
  EXPECT_EQ(p.logprobs, false);
  set_parameter(p, "temperature", "null");
  EXPECT_FALSE(p.temperature.has_value());
}

TEST(SetParameter, UnknownNameListsTheKnownOnes) {
  GenerationParameters p;
  try {
    set_parameter(p, "heat", "1");
    FAIL();
  } catch (const InvalidParameterError& error) {
    for (const std::string_view name : parameter_names()) {
      EXPECT_THAT(error.hint(), HasSubstr(std::string(name)));
    }
  }
}

TEST(Validate, ChecksListsAndFieldsThatGoTogether) {
  GenerationParameters p;
  p.stop = std::vector<std::string>(16, "x");
  EXPECT_NO_THROW(validate(p));
  p.stop->push_back("y");
  EXPECT_THROW(validate(p), InvalidParameterError);

  p = {};
  p.min_tokens = 5;
  p.max_tokens = 5;
  EXPECT_NO_THROW(validate(p));
  p.max_tokens = 4;
  EXPECT_THROW(validate(p), InvalidParameterError);

  p = {};
  p.top_logprobs = 3;
  EXPECT_NO_THROW(validate(p));
  p.logprobs = false;
  EXPECT_THROW(validate(p), InvalidParameterError);
}

// The temperature rules, case by case.

TEST(Temperature, AbsentAndNullAreAbsent) {
  EXPECT_FALSE(parse_generation_parameters("{}").temperature.has_value());
  EXPECT_FALSE(parse_generation_parameters(R"({"temperature": null})")
                   .temperature.has_value());
}

TEST(Temperature, TextIsRefusedWithTheRange) {
  const std::string message = refusal_of(R"({"temperature": "0.7"})");
  EXPECT_THAT(message, HasSubstr("temperature must be a number in [0, 2]"));
  EXPECT_THAT(message, HasSubstr("\"0.7\""));
}

TEST(Temperature, OutOfRangeNumbersAreRefusedWithTheRange) {
  EXPECT_THAT(refusal_of(R"({"temperature": -1})"), HasSubstr("[0, 2]"));
  EXPECT_THAT(refusal_of(R"({"temperature": 2.1})"), HasSubstr("[0, 2]"));
  for (const double bad : {kNan, kInfinity, -kInfinity, -1.0, 2.1}) {
    GenerationParameters p;
    p.temperature = bad;
    EXPECT_THROW(validate(p), InvalidParameterError) << bad;
  }
}

TEST(Temperature, InRangeNumbersAreTakenAsGiven) {
  EXPECT_EQ(parse_generation_parameters(R"({"temperature": 0})").temperature,
            0);
  EXPECT_EQ(parse_generation_parameters(R"({"temperature": 0.01})").temperature,
            0.01);
  EXPECT_EQ(parse_generation_parameters(R"({"temperature": 2})").temperature,
            2);
}

TEST(Temperature, ClampModeLetsFiniteNumbersPassOnly) {
  for (const double value : {-1.0, 0.0, 2.1, 1e6}) {
    GenerationParameters p;
    p.clamp_parameters = true;
    p.temperature = value;
    EXPECT_NO_THROW(validate(p)) << value;
  }
  for (const double value : {kNan, kInfinity, -kInfinity}) {
    GenerationParameters p;
    p.clamp_parameters = true;
    p.temperature = value;
    EXPECT_THROW(validate(p), InvalidParameterError) << value;
  }
  EXPECT_EQ(parse_generation_parameters(
                R"({"temperature": 2.1, "clamp_parameters": true})")
                .temperature,
            2.1);
  EXPECT_THAT(refusal_of(R"({"temperature": "2.1", "clamp_parameters": true})"),
              HasSubstr("[0, 2]"));
}

TEST(GenerationParameters, RefusalsDoNotRepeatTexts) {
  EXPECT_THAT(refusal_of(R"({"temperature": "my secret"})"),
              ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace abstractllm
