#include "server/config/toml_tree.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pssst::server {
namespace {

TomlTable parse(const std::string& text) {
  const auto tree = parse_toml(text, "x.toml");
  EXPECT_TRUE(tree) << to_string(tree.error());
  return tree ? *tree : TomlTable{};
}

std::string fault_of(const std::string& text) {
  const auto tree = parse_toml(text, "x.toml");
  return tree ? "" : to_string(tree.error());
}

TEST(TomlTree, KeepsTheOrderOfTheTextAndEveryPlace) {
  const TomlTable root = parse("[z]\nb = 1\n  a = [\n \"x\", 2]\n[[y]]\n[[y]]\nc.d = {}\n");
  ASSERT_EQ(root.size(), 2U);
  EXPECT_EQ(root[0].name, "z");
  EXPECT_EQ(root[0].place, (Place{1, 2}));
  const auto* z = root[0].node.as<TomlTable>();
  ASSERT_NE(z, nullptr);
  ASSERT_EQ(z->size(), 2U);
  EXPECT_EQ((*z)[0].name, "b");
  EXPECT_EQ((*z)[1].name, "a");
  EXPECT_EQ((*z)[1].place, (Place{3, 3}));
  const auto* list = (*z)[1].node.as<TomlList>();
  ASSERT_NE(list, nullptr);
  EXPECT_EQ((*list)[0].place, (Place{4, 2}));
  EXPECT_EQ(*(*list)[0].as<std::string>(), "x");
  EXPECT_EQ((*list)[1].place, (Place{4, 7}));
  EXPECT_EQ(*(*list)[1].as<std::int64_t>(), 2);
  const auto* y = root[1].node.as<TomlList>();
  ASSERT_NE(y, nullptr);
  ASSERT_EQ(y->size(), 2U);
  EXPECT_EQ((*y)[1].place, (Place{6, 1}));
}

TEST(TomlTree, KindsHaveNames) {
  const TomlTable root = parse("a = \"\"\nb = 1\nc = 1.5\nd = true\ne = 2026-01-31\nf = []\n[g]\n");
  std::vector<std::string> kinds;
  for (const TomlEntry& entry : root) kinds.emplace_back(kind_of(entry.node));
  EXPECT_EQ(kinds, (std::vector<std::string>{"a string", "an integer", "a number with a point",
                                             "true", "a date or time", "a list", "a table"}));
}

TEST(TomlTree, WhatIsNotTomlSaysWhatWouldBe) {
  EXPECT_EQ(fault_of("\na = yes\n"),
            "x.toml:2:5: not TOML: value: could not determine value type: write text in quotes");
  EXPECT_EQ(fault_of("a = 1\n a = 2\n"),
            "x.toml:2:6: not TOML: key-value pair: cannot redefine existing integer 'a': a name "
            "stands once: take one of the two away");
  EXPECT_EQ(fault_of("[a]\n[a]\n"),
            "x.toml:2:1: not TOML: table header: cannot redefine existing table 'a': a name stands "
            "once: take one of the two away");
  EXPECT_EQ(fault_of("a = \"\xff\"\n"),
            "x.toml:1:5: not TOML: Encountered invalid utf-8 sequence: write the file in UTF-8");
  EXPECT_EQ(fault_of("a = [1,"),
            "x.toml:1:8: not TOML: array: encountered end-of-file: end what was begun");
  EXPECT_EQ(
      fault_of("[="),
      "x.toml:1:2: not TOML: key: expected bare key starting character or string delimiter, saw "
      "'=': see pssstd.toml(5) for the form");
  // Both were undefined behaviour of the library.
  EXPECT_EQ(fault_of("\u0290 = 1"),
            "x.toml:1:1: not TOML: root table: expected keys, tables, whitespace or comments, saw "
            "'\u0290': see "
            "pssstd.toml(5) for the form");
  EXPECT_NE(fault_of(std::string(100'000, '[')), "");
  EXPECT_NE(fault_of("a = " + std::string(100'000, '[')), "");
  EXPECT_EQ(fault_of(""), "");
}

}  // namespace
}  // namespace pssst::server
