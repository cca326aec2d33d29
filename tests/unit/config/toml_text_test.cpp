// SPDX-License-Identifier: Apache-2.0
#include "config/toml_text.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::config {
namespace {

using Keys = std::vector<std::string>;

std::string set(std::string_view text, const Keys& keys,
                std::string_view literal) {
  return set_toml_value(text, keys, literal);
}

TEST(SetTomlValue, ReplacesAValueAndNothingElse) {
  EXPECT_EQ(set("# top\na = 1  # one\nb = 2\n", {"a"}, "10"),
            "# top\na = 10  # one\nb = 2\n");
  EXPECT_EQ(set("[t]\nx = \"caf\xC3\xA9\" # \xC3\xA9\ny = 3", {"t", "y"}, "4"),
            "[t]\nx = \"caf\xC3\xA9\" # \xC3\xA9\ny = 4");
  EXPECT_EQ(set("[t]\nx = \"caf\xC3\xA9\" # a\n", {"t", "x"}, "\"b\""),
            "[t]\nx = \"b\" # a\n");
  EXPECT_EQ(set("a = [1,\n  2]\nb = 1\n", {"a"}, "[3]"), "a = [3]\nb = 1\n");
  EXPECT_EQ(set("t = {x = 1, y = 2}\n", {"t", "x"}, "5"),
            "t = {x = 5, y = 2}\n");
  EXPECT_EQ(set("a.b = 1\n", {"a", "b"}, "2"), "a.b = 2\n");
}

TEST(SetTomlValue, AddsAKeyToItsTable) {
  EXPECT_EQ(set("", {"a"}, "1"), "a = 1\n");
  EXPECT_EQ(set("[t]\nx = 1\n[u]\n", {"t", "y"}, "2"),
            "[t]\ny = 2\nx = 1\n[u]\n");
  EXPECT_EQ(set("[t]", {"t", "y"}, "2"), "[t]\ny = 2\n");
  EXPECT_EQ(set("[t]\nx = 1\n", {"a"}, "2"), "a = 2\n[t]\nx = 1\n");
}

TEST(SetTomlValue, AddsTables) {
  EXPECT_EQ(set("a = 1", {"p", "o x", "k"}, "true"),
            "a = 1\n\n[p.\"o x\"]\nk = true\n");
  EXPECT_EQ(set("[p.q]\nx = 1\n", {"p", "r"}, "2"),
            "[p.q]\nx = 1\n\n[p]\nr = 2\n");
}

TEST(SetTomlValue, RefusesWhatItCannotChange) {
  EXPECT_THROW(set("a = 1", {"a", "b"}, "2"), InvalidRequestError);
  EXPECT_THROW(set("[a]\n", {"a"}, "2"), InvalidRequestError);
  EXPECT_THROW(set("a = {}", {"a", "b"}, "2"), InvalidRequestError);
  EXPECT_THROW(set("a = 1", {"a"}, "two"), InvalidRequestError);
  EXPECT_THROW(set("a = 1", {"a"}, "1\nb = 2"), InvalidRequestError);
  EXPECT_THROW(set("a = = 1", {"a"}, "1"), InvalidRequestError);
}

TEST(SplitKey, DividesAtDotsOutsideOfQuotes) {
  EXPECT_EQ(split_key("a.b-c.d_1"), (Keys{"a", "b-c", "d_1"}));
  EXPECT_EQ(split_key("a.\"b.c\""), (Keys{"a", "b.c"}));
  for (const char* bad : {"", "a.", ".a", "a b", "a = 1\nb"}) {
    EXPECT_THROW(split_key(bad), InvalidRequestError) << bad;
  }
}

TEST(TomlString, SurvivesEveryCharacter) {
  EXPECT_EQ(toml_string("a\"b\\c\n\t"), "\"a\\\"b\\\\c\\n\\u0009\"");
}

}  // namespace
}  // namespace abstractllm::config
