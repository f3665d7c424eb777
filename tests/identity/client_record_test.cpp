#include "identity/client_record.hpp"

#include <gtest/gtest.h>

namespace pssst::identity {
namespace {

TEST(ClientName, IsUtf8OnOneLine) {
  for (const std::string text : {"", "meter 17", "Zähler", "\xf0\x9f\x93\xa1", "a,b\"c\""}) {
    EXPECT_EQ(parse_client_name(text).value_or("?"), text);
  }
  for (const std::string text :
       {"a\nb", "\t", "\x7f", "a\xc2\x85", " a", "a ", "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xe0\x9f\x80", "\xf0\x8f\x80\x80", "\x80"}) {
    const auto name = parse_client_name(text);
    ASSERT_FALSE(name) << text;
    EXPECT_FALSE(name.error().remedy.empty());
  }
  EXPECT_FALSE(parse_client_name(std::string("a\0b", 3)));
  EXPECT_TRUE(parse_client_name(std::string(128, 'n')));
  EXPECT_FALSE(parse_client_name(std::string(129, 'n')));
}

TEST(ClientTags, AreSortedWordsOnce) {
  EXPECT_EQ(parse_client_tags("").value_or("?"), "");
  EXPECT_EQ(parse_client_tags(" \t ").value_or("?"), "");
  EXPECT_EQ(parse_client_tags("eu  b:2\ta eu ").value_or("?"), "a b:2 eu");
  EXPECT_TRUE(parse_client_tags("AZaz09._:=@/+-"));
  for (const char* text : {"a,b", "a;b", "ä", "a\n", "\"a\""}) {
    EXPECT_FALSE(parse_client_tags(text)) << text;
  }
  EXPECT_TRUE(parse_client_tags(std::string(64, 't')));
  EXPECT_FALSE(parse_client_tags(std::string(65, 't')));
  std::string many;
  for (int i = 0; i < 8; ++i) many += std::string(63, static_cast<char>('a' + i)) + " ";
  EXPECT_TRUE(parse_client_tags(many));
  EXPECT_FALSE(parse_client_tags(many + "x"));
}

TEST(ClientMetadata, ArePairsOfDigits) {
  EXPECT_EQ(parse_client_metadata("").value(), std::vector<std::uint8_t>());
  EXPECT_EQ(parse_client_metadata("00fF").value(), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_TRUE(parse_client_metadata(std::string(128, 'a')));
  for (const std::string& text :
       {std::string("0"), std::string("0g"), std::string(" 00"), std::string(130, 'a')}) {
    EXPECT_FALSE(parse_client_metadata(text)) << text;
  }
}

TEST(ClientState, HasTwoWords) {
  EXPECT_FALSE(parse_client_state("enrolled").value());
  EXPECT_TRUE(parse_client_state("revoked").value());
  for (const char* text : {"", "Revoked", "0"}) EXPECT_FALSE(parse_client_state(text)) << text;
}

TEST(ClientTime, HasThreeForms) {
  const auto before = [](std::string_view text) {
    return parse_client_time(text, TimeKind::kNotBefore).value_or(-1);
  };
  const auto after = [](std::string_view text) {
    return parse_client_time(text, TimeKind::kNotAfter).value_or(-1);
  };
  EXPECT_EQ(before(""), Enrolment::kAlways);
  EXPECT_EQ(after(""), Enrolment::kForever);
  EXPECT_EQ(before("1000000000"), 1'000'000'000);
  EXPECT_EQ(before("2001-09-09T01:46:40Z"), 1'000'000'000);
  EXPECT_EQ(before("2024-02-29"), 1'709'164'800);
  EXPECT_EQ(after("2024-02-29"), 1'709'164'800 + 86399);
  EXPECT_EQ(before("1970-01-01"), 0);
  EXPECT_EQ(after("2105-12-31"), 4'291'747'199);
  EXPECT_EQ(after("4291747199"), 4'291'747'199);
}

TEST(ClientTime, IsRefusedOtherwise) {
  for (const char* text :
       {"tomorrow", "-1", "4291747200", "1.5", " 1", "2023-02-29", "2024-13-01", "2024-00-10",
        "2024-01-00", "1969-12-31", "2106-01-01", "2024-1-1", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z", "2024-01-01T00:00:00+01:00", "99999999999999999999"}) {
    const auto time = parse_client_time(text, TimeKind::kNotAfter);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().what, "not-after is no time");
  }
}

TEST(ClientTime, IsReadAsItIsWritten) {
  for (const std::int64_t seconds :
       {std::int64_t{0}, std::int64_t{1'000'000'000}, std::int64_t{4'291'747'199}}) {
    EXPECT_EQ(parse_client_time(format_client_time(seconds), TimeKind::kNotAfter).value(), seconds);
  }
  EXPECT_EQ(format_client_time(1'000'000'000), "2001-09-09T01:46:40Z");
  EXPECT_EQ(format_client_time(Enrolment::kAlways), "");
  EXPECT_EQ(format_client_time(Enrolment::kForever), "");
}

TEST(ClientWindow, IsNotEmpty) {
  EXPECT_TRUE(check_client_window(Enrolment::kAlways, Enrolment::kForever));
  EXPECT_TRUE(check_client_window(5, 5));
  EXPECT_FALSE(check_client_window(6, 5));
}

}  // namespace
}  // namespace pssst::identity
