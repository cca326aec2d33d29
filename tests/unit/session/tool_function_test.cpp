// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "abstractllm/tool_function.h"

namespace unit_of_length {
enum class Unit { kMetre, kFoot };
struct Point {
  double x = 0;
  std::optional<double> y{};
  bool operator==(const Point&) const = default;
};
}  // namespace unit_of_length

template <>
struct abstractllm::ToolEnum<unit_of_length::Unit> {
  static constexpr std::array<std::pair<unit_of_length::Unit, std::string_view>,
                              2>
      names{{{unit_of_length::Unit::kMetre, "metre"},
             {unit_of_length::Unit::kFoot, "foot"}}};
};

template <>
struct abstractllm::ToolFields<unit_of_length::Point> {
  static constexpr std::tuple fields{
      ToolField{"x", &unit_of_length::Point::x, "to the right"},
      ToolField{"y", &unit_of_length::Point::y}};
};

namespace abstractllm {
namespace {

using unit_of_length::Point;
using unit_of_length::Unit;

std::string call(const Tool& tool, std::string_view arguments) {
  return tool.handler(arguments, {});
}

int add(int a, int b) { return a + b; }

// Acceptance case A8: a tool from a function has the exact schema of its
// types; optional parameters are not required.
TEST(AcceptanceA8, TypesBecomeTheExactSchema) {
  const Tool tool =
      make_tool("scale", "Scales a point.",
                {{"point"},
                 {"factor", "how much"},
                 {"times"},
                 {"unit"},
                 {"labels"},
                 {"exact"},
                 {"note"}},
                [](Point point, double factor, unsigned times, Unit,
                   std::vector<std::string>, bool, std::optional<std::string>) {
                  point.x *= factor * times;
                  return point;
                });
  EXPECT_EQ(tool.definition.name, "scale");
  EXPECT_EQ(tool.definition.description, "Scales a point.");
  EXPECT_EQ(tool.definition.parameters,
            R"({"type":"object","properties":{)"
            R"("point":{"type":"object","properties":{)"
            R"("x":{"type":"number","description":"to the right"},)"
            R"("y":{"type":"number"}},"required":["x"],)"
            R"("additionalProperties":false},)"
            R"("factor":{"type":"number","description":"how much"},)"
            R"("times":{"type":"integer","minimum":0},)"
            R"("unit":{"type":"string","enum":["metre","foot"]},)"
            R"("labels":{"type":"array","items":{"type":"string"}},)"
            R"("exact":{"type":"boolean"},)"
            R"("note":{"type":"string"}},)"
            R"("required":["point","factor","times","unit","labels","exact"],)"
            R"("additionalProperties":false})");
}

TEST(AcceptanceA8, AFunctionWithoutParametersOrDescription) {
  const Tool tool = make_tool("now", "", [] { return "noon"; });
  EXPECT_EQ(tool.definition.description, "");
  EXPECT_EQ(tool.definition.parameters,
            R"({"type":"object","properties":{},"required":[],)"
            R"("additionalProperties":false})");
  EXPECT_EQ(call(tool, "{}"), "noon");
}

TEST(ToolFunction, ArgumentsArriveWithTheirTypes) {
  EXPECT_EQ(
      call(make_tool("add", "", {{"a"}, {"b"}}, &add), R"({"b": 3.0, "a": 2})"),
      "5");
  const Tool tool = make_tool(
      "all", "", {{"p"}, {"u"}, {"l"}, {"e"}, {"n"}},
      [](const Point& p, Unit u, const std::vector<std::int64_t>& l, bool e,
         std::optional<std::string> n) {
        EXPECT_EQ(p, (Point{1.5, std::nullopt}));
        EXPECT_EQ(u, Unit::kFoot);
        EXPECT_EQ(l, (std::vector<std::int64_t>{-1, 9007199254740993}));
        EXPECT_TRUE(e);
        EXPECT_EQ(n, std::nullopt);
        return std::string("seen");
      });
  EXPECT_EQ(call(tool, R"({"p": {"x": 1.5}, "u": "foot",
                           "l": [-1, 9007199254740993], "e": true})"),
            "seen");
}

TEST(ToolFunction, ResultsAreTextAsItIsAndElseJson) {
  const auto result = [](auto value) {
    return call(make_tool("f", "", [value] { return value; }), "{}");
  };
  EXPECT_EQ(result(std::string("a \"b\"")), "a \"b\"");
  EXPECT_EQ(result(true), "true");
  EXPECT_EQ(result(0.5), "0.5");
  EXPECT_EQ(result(std::vector<std::string>{"a", "\"\n"}), R"(["a","\"\n"])");
  EXPECT_EQ(result(Point{1, 2}), R"({"x":1.0,"y":2.0})");
  EXPECT_EQ(result(std::optional<int>()), "null");
  EXPECT_EQ(result(Unit::kMetre), "\"metre\"");
  EXPECT_EQ(call(make_tool("f", "", [] {}), "{}"), "done");
}

TEST(ToolFunction, TheContextIsNoParameterOfTheModel) {
  const Tool tool =
      make_tool("who", "", {{"a"}}, [](int a, const ToolContext& context) {
        return context.call_id + std::to_string(a);
      });
  EXPECT_EQ(tool.definition.parameters.find("context"), std::string::npos);
  EXPECT_EQ(tool.handler(R"({"a":1})", {"call_", {}}), "call_1");
}

TEST(ToolFunction, ANumberThatDoesNotFitIsRefused) {
  const Tool tool =
      make_tool("f", "", {{"a"}}, [](std::int8_t a) { return int{a}; });
  EXPECT_EQ(call(tool, R"({"a": -128})"), "-128");
  for (const char* bad : {"128", "1e300", "99999999999999999999"}) {
    EXPECT_THROW(call(tool, std::string(R"({"a":)") + bad + "}"),
                 InvalidRequestError)
        << bad;
  }
}

}  // namespace
}  // namespace abstractllm
