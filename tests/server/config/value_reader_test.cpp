#include "server/config/value_reader.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace pssst::server {
namespace {

using Words = std::vector<std::string>;

/// Reads the value of `text`, "v = ...", and gives the faults.
Words faults_of(const std::string& text,
                const std::function<void(ValueReader&, const TomlNode&)>& read) {
  const auto tree = parse_toml("v = " + text, "etc/x.toml");
  EXPECT_TRUE(tree) << to_string(tree.error());
  ValueReader reader("etc/x.toml");
  reader.begin_key("[a] v");
  read(reader, tree->front().node);
  Words faults;
  for (const Fault& fault : reader.take_faults()) faults.push_back(to_string(fault));
  return faults;
}

TEST(ValueReader, LeavesAloneWhatItRefuses) {
  unsigned number = 7;
  EXPECT_EQ(faults_of("9", [&](auto& r, const auto& v) { r.number(v, 1U, 8U, number); }),
            Words{"etc/x.toml:1:5: [a] v is 9: choose 1 to 8"});
  EXPECT_EQ(faults_of("-1", [&](auto& r, const auto& v) { r.number(v, 1U, 8U, number); }),
            Words{"etc/x.toml:1:5: [a] v is -1: choose 1 to 8"});
  EXPECT_EQ(faults_of("\"1\"", [&](auto& r, const auto& v) { r.number(v, 1U, 8U, number); }),
            Words{"etc/x.toml:1:5: [a] v is a string: write a whole number, 1 to 8"});
  EXPECT_EQ(number, 7U);
  EXPECT_EQ(faults_of("8", [&](auto& r, const auto& v) { r.number(v, 1U, 8U, number); }), Words{});
  EXPECT_EQ(number, 8U);
  bool flag = true;
  EXPECT_EQ(faults_of("0", [&](auto& r, const auto& v) { r.flag(v, flag); }),
            Words{"etc/x.toml:1:5: [a] v is an integer: write true or false, without quotes"});
  EXPECT_TRUE(flag);
}

TEST(ValueReader, TextsAndPaths) {
  std::string text = "before";
  EXPECT_EQ(faults_of("\"a\\u0000b\"", [&](auto& r, const auto& v) { r.text(v, text); }),
            Words{"etc/x.toml:1:5: [a] v is \"a\\x00b\": write it without a NUL"});
  EXPECT_EQ(text, "before");
  EXPECT_EQ(faults_of("\"b\"", [&](auto& r, const auto& v) { r.path(v, text); }), Words{});
  EXPECT_EQ(text, "etc/b");
  EXPECT_EQ(faults_of("\"/b\"", [&](auto& r, const auto& v) { r.path(v, text); }), Words{});
  EXPECT_EQ(text, "/b");
}

TEST(ValueReader, ListsNameEachElementThatIsWrong) {
  Words texts;
  const auto read = [&](auto& r, const auto& v) { r.texts(v, texts); };
  EXPECT_EQ(faults_of("[\"a\", 1, \"\", \"b\", \"a\"]", read),
            (Words{"etc/x.toml:1:11: [a] v has an integer: write text in quotes",
                   "etc/x.toml:1:14: [a] v has an empty text: take it out",
                   "etc/x.toml:1:23: [a] v has \"a\" twice: take one out"}));
  EXPECT_EQ(texts, (Words{"a", "b"}));
  EXPECT_EQ(faults_of("\"a\"", read),
            Words{"etc/x.toml:1:5: [a] v is a string: write a list of texts: [\"...\", \"...\"]"});
}

TEST(ValueReader, AddressesAreComparedByWhatTheyMean) {
  Words addresses;
  const auto read = [&](auto& r, const auto& v) { r.addresses(v, addresses); };
  EXPECT_EQ(
      faults_of("[\"::1\", \"0::1\", \"10.0.0.1\", \"::ffff:10.0.0.1\", \"localhost\"]", read),
      (Words{"etc/x.toml:1:13: [a] v has \"0::1\" twice: take one out",
             "etc/x.toml:1:33: [a] v has \"::ffff:10.0.0.1\" twice: take one out",
             "etc/x.toml:1:52: [a] v has \"localhost\": write a numeric IPv4 or IPv6 "
             "address"}));
}

TEST(ValueReader, CpusAsTextOrNumbers) {
  std::vector<unsigned> cpus{9};
  const auto read = [&](auto& r, const auto& v) { r.cpus(v, cpus); };
  EXPECT_EQ(faults_of("\"2-4,0\"", read), Words{});
  EXPECT_EQ(cpus, (std::vector<unsigned>{2, 3, 4, 0}));
  EXPECT_EQ(faults_of("[5, 1]", read), Words{});
  EXPECT_EQ(cpus, (std::vector<unsigned>{5, 1}));
  EXPECT_EQ(faults_of("[1, -1]", read).size(), 1U);
  EXPECT_EQ(faults_of("[\"1\"]", read),
            Words{"etc/x.toml:1:6: [a] v is a string: write CPU numbers: [2, 3]"});
  EXPECT_EQ(faults_of("2", read),
            Words{"etc/x.toml:1:5: [a] v is an integer: write CPU numbers like \"0,2-3\""});
  EXPECT_EQ(cpus, (std::vector<unsigned>{5, 1}));
  EXPECT_EQ(faults_of("\"\"", read), Words{});
  EXPECT_TRUE(cpus.empty());
}

TEST(ValueReader, Seconds) {
  using std::chrono::seconds;
  seconds time(7);
  const auto read = [&](auto& r, const auto& v) { r.seconds(v, seconds(1), seconds(60), time); };
  EXPECT_EQ(faults_of("\"61s\"", read),
            Words{"etc/x.toml:1:5: [a] v is \"61s\": choose \"1s\" to \"60s\""});
  EXPECT_EQ(faults_of("\"1500ms\"", read),
            Words{"etc/x.toml:1:5: [a] v is \"1500ms\": choose whole seconds"});
  EXPECT_EQ(faults_of("5", read),
            Words{"etc/x.toml:1:5: [a] v is an integer: write a time in quotes: \"30s\""});
  EXPECT_EQ(time, seconds(7));
  EXPECT_EQ(faults_of("\"1m\"", read), Words{});
  EXPECT_EQ(time, seconds(60));
}

TEST(ValueReader, FaultsComeInTheOrderOfTheText) {
  ValueReader reader("x");
  reader.add_fault({.line = 2, .column = 1}, "second", "");
  reader.add_fault({.line = 1, .column = 9}, "first", "mend it");
  EXPECT_EQ(reader.fault_count(), 2U);
  const std::vector<Fault> faults = reader.take_faults();
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(to_string(faults[0]), "x:1:9: first: mend it");
  EXPECT_EQ(to_string(faults[1]), "x:2:1: second");
  EXPECT_EQ(reader.fault_count(), 0U);
}

}  // namespace
}  // namespace pssst::server
