// SPDX-License-Identifier: Apache-2.0
#include "text/json_schema.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::text {
namespace {

constexpr char kPerson[] = R"({
  "type": "object",
  "properties": {"name": {"type": "string"},
                 "age": {"type": "integer", "minimum": 0}},
  "required": ["name"], "additionalProperties": false})";

std::string refused(std::string_view schema, std::string_view json) {
  return join_violations(JsonSchema(schema).violations(json));
}

TEST(JsonSchema, WhatHoldsHasNoViolations) {
  EXPECT_EQ(refused(kPerson, R"({"name": "A", "age": 3})"), "");
  EXPECT_EQ(refused("true", "[1, null]"), "");
}

TEST(JsonSchema, EachViolationNamesItsPlace) {
  const auto found = JsonSchema(kPerson).violations(
      R"({"name": 1, "age": -1, "extra": true})");
  ASSERT_EQ(found.size(), 3u);
  const std::string all = join_violations(found);
  EXPECT_NE(all.find("at /name: "), std::string::npos) << all;
  EXPECT_NE(all.find("at /age: "), std::string::npos) << all;
  EXPECT_NE(all.find("'extra'"), std::string::npos) << all;
}

TEST(JsonSchema, WhatIsMissingIsNamed) {
  EXPECT_NE(refused(kPerson, "{}").find("\"name\""), std::string::npos);
}

TEST(JsonSchema, ATextThatIsNoJsonIsOneViolation) {
  const auto found = JsonSchema(kPerson).violations("{\"name\":");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].message.starts_with("not valid JSON"));
}

TEST(JsonSchema, KnowsTheWordsOf2020AndOfDraft4) {
  constexpr char kTuple[] =
      R"({"type": "array", "prefixItems": [{"type": "string"}]})";
  EXPECT_EQ(refused(kTuple, R"(["a"])"), "");
  EXPECT_NE(refused(kTuple, "[1]"), "");
  constexpr char kDraft4[] =
      R"({"$schema": "http://json-schema.org/draft-04/schema#",
          "minimum": 3, "exclusiveMinimum": true})";
  EXPECT_NE(refused(kDraft4, "3"), "");
  EXPECT_EQ(refused(kDraft4, "4"), "");
}

TEST(JsonSchema, LocalReferencesAreFollowedAndOthersNeverFetched) {
  EXPECT_NE(
      refused(R"({"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}})",
              "\"x\""),
      "");
  for (const char* outside : {R"({"$ref": "https://example.invalid/a.json"})",
                              R"({"$ref": "file:///etc/hostname"})"}) {
    EXPECT_THROW(JsonSchema{outside}, InvalidRequestError) << outside;
  }
}

TEST(JsonSchema, AnUnknownFormatIsNotJudged) {
  EXPECT_EQ(refused(R"({"type": "string", "format": "color"})", "\"x\""), "");
}

TEST(JsonSchema, WhatIsNoSchemaIsRefused) {
  for (const char* bad :
       {"", "{", "3", R"({"type": "strin"})", R"({"required": "name"})"}) {
    EXPECT_THROW(JsonSchema{bad}, InvalidRequestError) << bad;
  }
}

TEST(JsonSchema, DeepAndLongTextsEndInAViolation) {
  const std::string deep(100000, '[');
  EXPECT_NE(refused("true", deep), "");
  EXPECT_NE(refused(R"({"pattern": "^(a+)+$"})",
                    "\"" + std::string(200000, 'a') + "b\""),
            "");
}

TEST(JsonSchema, OnlyTheFirstViolationsAreTold) {
  std::string many = "[0";
  for (int i = 0; i < 1000; ++i) many += ",0";
  const auto found =
      JsonSchema(R"({"items": {"type": "string"}})").violations(many + "]");
  EXPECT_EQ(found.size(), 8u);
}

}  // namespace
}  // namespace abstractllm::text
