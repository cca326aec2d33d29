// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/native_schema.h"

#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

TestJson named(const std::string& schema) {
  return named_schema({ResponseFormat::Kind::kJsonSchema, schema}, "openai");
}

TEST(NativeSchema, ObjectsAreClosedWhereStrictModeTakesThem) {
  EXPECT_EQ(named(R"({"type":"object","properties":{"a":{"type":"integer"}},)"
                  R"("required":["a"]})")
                .dump(),
            R"({"name":"answer","schema":{"type":"object",)"
            R"("properties":{"a":{"type":"integer"}},"required":["a"],)"
            R"("additionalProperties":false},"strict":true})");
  const TestJson nested =
      named(R"({"type":"object","properties":{"list":{"type":"array","items":)"
            R"({"$ref":"#/$defs/p"}}},"required":["list"],"$defs":{"p":)"
            R"({"type":"object","properties":{"x":{"type":"number"}},)"
            R"("required":["x"]}}})");
  EXPECT_TRUE(nested["strict"].get<bool>());
  EXPECT_EQ(nested["schema"]["$defs"]["p"]["additionalProperties"], false);
}

TEST(NativeSchema, WhatStrictModeRefusesGoesAsItStands) {
  for (const char* schema :
       {// A property that may be missing.
        R"({"type":"object","properties":{"a":{},"b":{}},"required":["a"]})",
        // Open on purpose.
        R"({"type":"object","properties":{"a":{}},"required":["a"],)"
        R"("additionalProperties":true})",
        R"({"type":"object","properties":{"a":{"type":"object"}},)"
        R"("required":["a"]})",
        // Another root, and keywords beyond the subset.
        R"({"type":"array","items":{"type":"string"}})",
        R"({"anyOf":[{"type":"object"}]})", R"({"type":"object"})", "{}",
        R"({"type":"object","properties":{"a":{"type":"string",)"
        R"("minLength":2}},"required":["a"]})",
        R"({"type":"object","allOf":[{"properties":{"a":{}}}],)"
        R"("properties":{"b":{}},"required":["b"]})",
        // Not what a schema is.
        R"({"type":"object","properties":7,"required":"a"})",
        R"({"type":"object","properties":{"a":true},"required":["a"]})"}) {
    const TestJson format = named(schema);
    EXPECT_FALSE(format["strict"].get<bool>()) << schema;
    EXPECT_EQ(format["schema"], TestJson::parse(schema));
  }
  EXPECT_THROW(named("[]"), InvalidRequestError);
  EXPECT_THROW(named("{"), InvalidRequestError);
}

TEST(NativeSchema, DeepOnesEnd) {
  std::string schema = R"({"type":"string"})";
  for (int i = 0; i < 100; ++i) {
    schema = R"({"type":"array","items":)" + schema + "}";
  }
  EXPECT_FALSE(named(schema)["strict"].get<bool>());
}

TEST(NativeSchema, PartsThatArePutTogetherStayOpen) {
  const TestJson joined =
      TestJson::parse(R"({"allOf":[{"type":"object","properties":{"a":{}}}]})");
  EXPECT_EQ(closed_for_services(joined), joined);
}

}  // namespace
}  // namespace abstractllm::providers
