#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <array>

namespace pssst::base {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(ToHex, WritesLowerCase) {
  EXPECT_EQ(to_hex(Bytes{}), "");
  EXPECT_EQ(to_hex(Bytes{0x00, 0x09, 0x0a, 0x9f, 0xa0, 0xff}), "00090a9fa0ff");
}

TEST(FromHex, UndoesToHexForEveryByte) {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(from_hex(to_hex(all)), all);
}

TEST(FromHex, TakesEitherCase) {
  EXPECT_EQ(from_hex("aAfF0B"), (Bytes{0xaa, 0xff, 0x0b}));
}

TEST(FromHex, EmptyTextIsNoBytes) {
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(FromHex, RefusesOddLengths) {
  EXPECT_EQ(from_hex("0"), std::nullopt);
  EXPECT_EQ(from_hex("000"), std::nullopt);
}

TEST(FromHex, RefusesEveryOtherCharacterInEitherPlace) {
  const std::string digits = "0123456789abcdefABCDEF";
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    const bool digit = digits.find(character) != std::string::npos;
    EXPECT_EQ(from_hex(std::string{character, '0'}).has_value(), digit) << c;
    EXPECT_EQ(from_hex(std::string{'0', character}).has_value(), digit) << c;
  }
}

TEST(FromHexIntoSpan, WantsTheExactLength) {
  std::array<std::uint8_t, 2> bytes{};
  EXPECT_TRUE(from_hex("12ef", bytes));
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 2>{0x12, 0xef}));
  for (const char* text : {"", "12", "12e", "12ef0", "12ef00"}) {
    bytes = {1, 2};
    EXPECT_FALSE(from_hex(text, bytes)) << text;
    EXPECT_EQ(bytes, (std::array<std::uint8_t, 2>{})) << text;
  }
}

TEST(FromHexIntoSpan, ZeroesOnABadDigit) {
  for (const char* text : {"g2ef", "12eg", "12 f", "0x12"}) {
    std::array<std::uint8_t, 2> bytes{1, 2};
    EXPECT_FALSE(from_hex(text, bytes)) << text;
    EXPECT_EQ(bytes, (std::array<std::uint8_t, 2>{})) << text;
  }
}

}  // namespace
}  // namespace pssst::base
