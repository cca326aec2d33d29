// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "io/json_text.h"
#include "unit/io/test_files.h"

namespace abstractllm::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

JsonConfig parse(std::string_view text) {
  return JsonConfig::parse(text, "config.json");
}

template <typename Call>
std::string refusal(Call&& call) {
  return message_of<ModelLoadingError>(call);
}

const JsonConfig kConfig = parse(R"({
  "layers": 3, "eps": 1e-5, "whole": 64.0, "name": "llama", "tie": true,
  "nothing": null, "eos": [1, 2], "one": 7, "kinds": ["a", "b"],
  "rope": {"factor": 8, "inner": {"x": []}}, "parts": [{"a": 1}, {"a": 2}],
  "limit": [0.0, Infinity], "low": -Infinity, "odd": NaN,
  "wrapped": {"__float__": "Infinity"}, "text": "say NaN, \"Infinity\""
})");

TEST(JsonConfig, ReadsEachType) {
  EXPECT_EQ(kConfig.find_int("layers"), 3);
  EXPECT_EQ(kConfig.find_int("whole"), 64);
  EXPECT_EQ(kConfig.find_number("eps"), 1e-5);
  EXPECT_EQ(kConfig.find_number("layers"), 3.0);
  EXPECT_EQ(kConfig.find_string("name"), "llama");
  EXPECT_EQ(kConfig.find_bool("tie"), true);
  EXPECT_THAT(*kConfig.find_ints("eos"), ElementsAre(1, 2));
  EXPECT_THAT(*kConfig.find_ints("one"), ElementsAre(7));
  EXPECT_THAT(*kConfig.find_strings("kinds"), ElementsAre("a", "b"));
  EXPECT_THAT(*kConfig.find_numbers("eos"), ElementsAre(1.0, 2.0));
  EXPECT_EQ(kConfig.find_object("rope")->find_int("factor"), 8);
  EXPECT_EQ(kConfig.find_objects("parts")->at(1).find_int("a"), 2);
  EXPECT_EQ(kConfig.require_int("layers"), 3);
  EXPECT_EQ(kConfig.require_object("rope").require_number("factor"), 8.0);
  EXPECT_EQ(kConfig.find_json("rope"), R"({"factor":8,"inner":{"x":[]}})");
  EXPECT_TRUE(kConfig.is_object("rope"));
  EXPECT_TRUE(kConfig.is_array("eos"));
  EXPECT_TRUE(kConfig.is_string("name"));
  EXPECT_FALSE(kConfig.is_array("name"));
}

TEST(JsonConfig, CountsNullAsAbsent) {
  EXPECT_FALSE(kConfig.has("nothing"));
  EXPECT_FALSE(kConfig.find_int("nothing").has_value());
  EXPECT_FALSE(kConfig.find_json("nothing").has_value());
  EXPECT_THAT(kConfig.keys(), testing::Not(testing::Contains("nothing")));
  EXPECT_FALSE(JsonConfig().has("x"));
  EXPECT_THAT(JsonConfig().keys(), testing::IsEmpty());
}

TEST(JsonConfig, ReadsTheFloatsThatPythonWrites) {
  EXPECT_EQ(kConfig.find_numbers("limit")->at(1), INFINITY);
  EXPECT_EQ(kConfig.find_number("low"), -INFINITY);
  EXPECT_TRUE(std::isnan(*kConfig.find_number("odd")));
  EXPECT_EQ(kConfig.find_number("wrapped"), INFINITY);
  EXPECT_EQ(kConfig.find_string("text"), "say NaN, \"Infinity\"");
  EXPECT_THAT(refusal([] { parse(R"({"a": NaNs})"); }),
              HasSubstr("not valid JSON"));
}

TEST(JsonConfig, NamesFileFieldExpectedAndFound) {
  EXPECT_THAT(refusal([] { kConfig.require_int("heads"); }),
              AllOf(HasSubstr("config.json"), HasSubstr("'heads' is missing"),
                    HasSubstr("a whole number")));
  EXPECT_THAT(refusal([] { kConfig.find_int("name"); }),
              AllOf(HasSubstr("'name'"), HasSubstr("expected a whole number"),
                    HasSubstr("found \"llama\"")));
  EXPECT_THAT(refusal([] { kConfig.find_int("eps"); }), HasSubstr("1e-05"));
  EXPECT_THAT(refusal([] { kConfig.find_bool("layers"); }),
              HasSubstr("true or false, found 3"));
  EXPECT_THAT(refusal([] { kConfig.find_ints("kinds"); }),
              HasSubstr("found \"a\""));
  EXPECT_THAT(refusal([] { kConfig.find_object("eos"); }),
              HasSubstr("an object, found [1,2]"));
  EXPECT_THAT(refusal([] { kConfig.find_objects("eos"); }),
              HasSubstr("an array of objects"));
  EXPECT_THAT(
      refusal([] { kConfig.require_object("rope").require_string("type"); }),
      HasSubstr("config.json: rope: 'type' is missing"));
  EXPECT_THAT(refusal([] { parse(R"({"a": 1e18})").find_int("a"); }),
              HasSubstr("a whole number"));
  EXPECT_THAT(
      refusal([] { parse(R"({"a": 18446744073709551615})").find_int("a"); }),
      HasSubstr("a whole number"));
}

TEST(JsonConfig, ShowsOnlyTheBeginningOfALongValue) {
  const auto config = parse("{\"a\":\"" + std::string(5'000, 'x') + "\"}");
  EXPECT_LT(refusal([&] { config.find_int("a"); }).size(), 200u);
}

TEST(JsonConfig, RefusesWhatIsNoObjectOrNoJson) {
  EXPECT_THAT(refusal([] { parse("[1]"); }),
              HasSubstr("expected a JSON object, found [1]"));
  EXPECT_THAT(refusal([] { parse(""); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal([] { parse("{\"a\": 1"); }),
              HasSubstr("not valid JSON at byte 8"));
  EXPECT_THAT(refusal([] { parse("{\"a\": \"\xc3(\"}"); }),
              HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal([] { parse(R"({"a":1e999})"); }),
              HasSubstr("not valid JSON"));
}

// As Python's json does, and so all that such configs were tried with.
TEST(JsonConfig, TakesTheLastOfANameThatIsGivenTwice) {
  const auto config = parse(
      R"({"a": {"b": 1, "c": 2}, "d": [1], "a": {"b": 3, "b": 4}, "d": 5})");
  EXPECT_EQ(config.require_object("a").require_int("b"), 4);
  EXPECT_FALSE(config.require_object("a").has("c"));
  EXPECT_EQ(config.require_int("d"), 5);
}

TEST(JsonConfig, LoadsFilesAndNamesThem) {
  const TemporaryFolder folder;
  const auto file = folder.write("config.json", R"({"a": 1})");
  EXPECT_EQ(JsonConfig::load(file).find_int("a"), 1);
  EXPECT_THAT(refusal([&] { JsonConfig::load(folder.path() / "none.json"); }),
              HasSubstr("none.json"));
  folder.write("config.json", "");
  EXPECT_THAT(refusal([&] { JsonConfig::load(file); }),
              HasSubstr(file.string()));
}

TEST(JsonText, EnforcesItsLimits) {
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_THAT(refusal([&] { parse_json_text(deep, "x"); }),
              HasSubstr("deeper than 64"));
  EXPECT_EQ(parse_json_text(deep.substr(1, 128), "x").size(), 1u);
  EXPECT_THAT(refusal([] { parse_json_text("[1,2]", "x", {.bytes = 4}); }),
              HasSubstr("5 bytes, more than the limit of 4"));
  std::string deepest(1'000'000, '[');
  EXPECT_THAT(refusal([&] { parse_json_text(deepest, "x"); }),
              HasSubstr("deeper than 64"));
}

TEST(JsonConfig, TellsNullFromAbsent) {
  const JsonConfig config = JsonConfig::parse(R"({"a": null, "b": 1})", "c");
  EXPECT_FALSE(config.has("a"));
  EXPECT_TRUE(config.is_null("a"));
  EXPECT_FALSE(config.is_null("b"));
  EXPECT_FALSE(config.is_null("c"));
}

TEST(JsonConfig, WithAFieldLeavesTheOthers) {
  const JsonConfig config = JsonConfig::parse(R"({"a": null, "b": 1})", "c");
  const JsonConfig changed = config.with_field("a", R"({"x": 2})");
  EXPECT_EQ(changed.require_object("a").require_int("x"), 2);
  EXPECT_EQ(changed.require_int("b"), 1);
  EXPECT_EQ(changed.origin(), "c");
  EXPECT_FALSE(config.has("a"));
  EXPECT_THROW(config.with_field("a", "{"), ModelLoadingError);
}

}  // namespace
}  // namespace abstractllm::io
